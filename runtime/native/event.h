/* event.h - one value, handed to one waiter or, with manual reset, shown to all.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_EVENT_H
#define NATIVE_EVENT_H

#include "state.h"

cothread_handle event_create(struct scheduler *s, uint32_t flags);
int event_signal(struct scheduler *s, cothread_handle handle, void *value);
int event_wait(struct scheduler *s, cothread_handle handle, void **value, int64_t deadline);
int event_reset(struct scheduler *s, cothread_handle handle);

/* event_is_manual says whether a wait leaves an event signalled. */
bool event_is_manual(const void *object);

/* Its row. */
int event_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *event_list(void *object, const struct wait *w);
int event_close(struct scheduler *s, void *object, cothread_handle handle);
void event_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
