/* signals.c - signals as objects: deliveries are counted while one is open.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The counting is done where the signal arrives (system/signals.h). Here a counter's descriptors are registered, and
 * what was counted is handed to the first who waits. */
#include "signals.h"

#include <stdio.h>

#include "../../system/signals.h"
#include "wait.h"

struct signal {
    uint32_t index, generation;
    struct slot *next_free;
    struct system_signal *counter; /* NULL: closed */
    struct wait_list waiters;
    int32_t number;
};
_Static_assert(sizeof(struct signal) <= 64, "a signal fits its slot");

/* take returns what the call returns, and puts the sender into the wait; 0: nothing was counted. */
static int take(struct signal *signal, struct wait *w)
{
    int32_t sender;
    int count = (int)system_signal_take(signal->counter, &sender);
    if (count)
        w->value = (uint64_t)sender;
    return count;
}

/* ---- Coming and going ----------------------------------------------------------------------------------- */

static void unregister(struct scheduler *s, const int fds[2], int registered)
{
    while (registered > 0)
        switch_call(s, CALL_RELEASE, fds[--registered], 0);
}

static int not_opened(int number, int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE: return fail(COTHREAD_ELIMIT, "no descriptor is left to count signal %lld", number);
    case ENOMEM: return fail(COTHREAD_ENOMEM, "no memory to count signal %lld", number);
    }
    errno = error;
    return fail(COTHREAD_ESYSTEM, "signal %lld cannot be counted: the system answers errno %lld", number, error);
}

static int register_counter(struct scheduler *s, struct signal *signal)
{
    int fds[2], count = system_signal_wakers(signal->counter, fds);
    for (int i = 0; i < count; i++) {
        int rc = (int)switch_call(s, CALL_SOURCE, fds[i], handle_of(&s->handles, KIND_SIGNAL, signal));
        if (rc == 0)
            continue;
        unregister(s, fds, i);
        if (rc == COTHREAD_ELIMIT)
            return fail(rc, "the system registers no more descriptors, and signal %lld needs one", signal->number);
        errno = (int)s->shared.call_b;
        return fail(COTHREAD_ESYSTEM, "the system does not watch the descriptor of signal %lld (errno %lld)", signal->number, errno);
    }
    return 0;
}

cothread_handle signal_open(struct scheduler *s, int number, uint32_t flags)
{
    int error;
    const char *reason = system_signal_refused(number);
    if (reason) {
        char text[128];
        snprintf(text, sizeof text, "signal %d cannot be counted: %s", number, reason);
        return fail_text(COTHREAD_EINVAL, text);
    }
    struct signal *signal = object_allocate(&s->handles, KIND_SIGNAL, &error);
    if (!signal)
        return error;
    signal->waiters.first = NULL;
    signal->number = number;
    signal->counter = NULL;
    int rc = system_signal_open(&signal->counter, number, flags);
    if (rc < 0) {
        rc = not_opened(number, -rc);
    } else if ((rc = register_counter(s, signal)) < 0) {
        int saved = errno;
        system_signal_close(signal->counter);
        signal->counter = NULL;
        errno = saved;
    }
    if (rc == 0)
        return handle_of(&s->handles, KIND_SIGNAL, signal);
    object_free(&s->handles, KIND_SIGNAL, signal);
    return rc;
}

void signal_free(struct scheduler *s, void *object)
{
    struct signal *signal = object;
    int fds[2];
    if (!signal->counter)
        return;
    unregister(s, fds, system_signal_wakers(signal->counter, fds));
    wait_end_all(s, &signal->waiters, COTHREAD_ECLOSED);
    system_signal_close(signal->counter);
    signal->counter = NULL;
}

int signal_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    signal_free(s, object);
    object_free(&s->handles, KIND_SIGNAL, object);
    return 0;
}

void signal_close_all(struct scheduler *s)
{
    const struct table *table = &s->handles.tables[KIND_SIGNAL];
    for (uint32_t i = table->first; i < table->used; i++) {
        struct signal *signal = slot_at(&s->handles, KIND_SIGNAL, i);
        if (signal->counter)
            system_signal_close(signal->counter);
        signal->counter = NULL;
    }
}

void signal_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    snprintf(text, size, "number %d", ((const struct signal *)object)->number);
}

/* ---- Waiting -------------------------------------------------------------------------------------------- */

int signal_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)s, (void)memory;
    int count = take(object, w);
    return count ? count : WOULD_WAIT;
}

struct wait_list *signal_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct signal *)object)->waiters;
}

void signal_ready(struct scheduler *s, void *object, uint32_t events)
{
    struct signal *signal = object;
    int count;
    (void)events;
    system_signal_drain(signal->counter);
    for (struct wait *w; (w = signal->waiters.first) && (count = take(signal, w)) > 0;)
        wait_end(s, w, count);
}
