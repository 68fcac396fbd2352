/* event.h - one value, handed to one waiter or, with manual reset, shown to all.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_EVENT_H
#define NATIVE_EVENT_H

#include "state.h"

struct event {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list waiters;
    uint64_t value;
    bool signalled, manual;
};
_Static_assert(sizeof(struct event) <= 64, "an event fits its slot");

/* event_take ends the state of an event that is signalled, unless that lasts until reset; false: it is not. */
static inline bool event_take(struct event *event, uint64_t *value)
{
    if (!event->signalled)
        return false;
    *value = event->value;
    event->signalled = event->manual;
    return true;
}

cothread_handle event_create(struct scheduler *s, uint32_t flags);
int event_signal(struct scheduler *s, cothread_handle handle, void *value);
int event_wait(struct scheduler *s, cothread_handle handle, void **value, int64_t deadline);
int event_reset(struct scheduler *s, cothread_handle handle);

/* Its row. */
int event_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *event_list(void *object, const struct wait *w);
int event_close(struct scheduler *s, void *object, cothread_handle handle);
void event_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
