/* event.c - one value, handed to one waiter or, with manual reset, shown to all.
 * SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include <stdio.h>

#include "wait.h"

cothread_handle event_create(struct scheduler *s, uint32_t flags)
{
    int error;
    struct event *event = object_allocate(&s->handles, KIND_EVENT, &error);
    if (!event)
        return error;
    event->waiters.first = NULL;
    event->signalled = false;
    event->manual = (flags & COTHREAD_MANUAL_RESET) != 0;
    return handle_of(&s->handles, KIND_EVENT, event);
}

int event_signal(struct scheduler *s, cothread_handle handle, void *value)
{
    int error, woken = 0;
    struct event *event = handle_object(&s->handles, KIND_EVENT, handle, &error);
    if (!event)
        return error;
    struct wait *w = event->waiters.first;
    if (w && !event->manual) {
        w->value = (uint64_t)(uintptr_t)value;
        wait_end(s, w, 0);
        return 1;
    }
    event->value = (uint64_t)(uintptr_t)value;
    event->signalled = true;
    for (; (w = event->waiters.first); woken++) {
        w->value = event->value;
        wait_end(s, w, 0);
    }
    return woken;
}

int event_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)s, (void)memory;
    return event_take(object, &w->value) ? 0 : WOULD_WAIT;
}

int event_wait(struct scheduler *s, cothread_handle handle, void **value, int64_t deadline)
{
    int rc;
    struct event *event = handle_object(&s->handles, KIND_EVENT, handle, &rc);
    if (!event)
        return rc;
    struct wait *w = wait_of_caller(s);
    rc = wait_finish(s, event_try(s, event, w, NULL), KIND_EVENT, &event->waiters, deadline);
    if (rc == 0 && value)
        *value = (void *)(uintptr_t)w->value;
    return rc;
}

int event_reset(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct event *event = handle_object(&s->handles, KIND_EVENT, handle, &error);
    if (!event)
        return error;
    int was = event->signalled;
    event->signalled = false;
    return was;
}

struct wait_list *event_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct event *)object)->waiters;
}

int event_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    wait_end_all(s, &((struct event *)object)->waiters, COTHREAD_ECLOSED);
    object_free(&s->handles, KIND_EVENT, object);
    return 0;
}

void event_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct event *event = object;
    snprintf(text, size, "%s%s", event->signalled ? "signalled" : "not signalled", event->manual ? ", until reset" : "");
}
