/* timer.c - a timer: expires once, or again and again in step.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing runs for a timer by itself: a task that waits for it has the time of its expiry as its own deadline, and looks at the
 * clock when it wakes. The first that finds a timer expired tells all that wait for it, so each of them is told once. */
#include "timer.h"

#include <stdio.h>

#include "../../system/system.h"
#include "wait.h"

struct timer {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list waiters;
    int64_t next;   /* COTHREAD_FOREVER: stopped */
    int64_t period; /* 0: it expires once */
};
_Static_assert(sizeof(struct timer) <= 64, "a timer fits its slot");

cothread_handle timer_create(struct scheduler *s)
{
    int error;
    struct timer *timer = object_allocate(&s->handles, KIND_TIMER, &error);
    if (!timer)
        return error;
    timer->waiters.first = NULL;
    timer->next = COTHREAD_FOREVER;
    timer->period = 0;
    return handle_of(&s->handles, KIND_TIMER, timer);
}

int timer_set(struct scheduler *s, cothread_handle handle, int64_t deadline, int64_t period)
{
    int error;
    struct timer *timer = handle_object(&s->handles, KIND_TIMER, handle, &error);
    if (!timer)
        return error;
    int was_running = timer->next != COTHREAD_FOREVER;
    timer->next = deadline = deadline == COTHREAD_NOW ? system_now() : deadline < 0 ? 0 : deadline;
    timer->period = period;
    for (struct wait *w = timer->waiters.first; w; w = w->next) {
        struct task *t = w->task;
        if (t->state == TASK_WAITING && deadline < t->deadline) { /* one that is to wake too early looks, and waits again */
            t->deadline = deadline;
            wait_arm(s, &t->wait);
        }
    }
    if (timer->waiters.first && s->shared.notify)
        switch_notify(s);
    return was_running;
}

int64_t timer_next(const void *object)
{
    return ((const struct timer *)object)->next;
}

int timer_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)memory;
    struct timer *timer = object;
    int64_t now;
    if (timer->next == COTHREAD_FOREVER || timer->next > (now = system_now()))
        return WOULD_WAIT;
    int64_t last = timer->next, more = 0;
    if (timer->period) {
        more = (now - last) / timer->period;
        last += more * timer->period;
    }
    if (!timer->period || __builtin_add_overflow(last, timer->period, &timer->next))
        timer->next = COTHREAD_FOREVER;
    int expiries = more < INT32_MAX ? (int)more + 1 : INT32_MAX;
    while (timer->waiters.first) {
        timer->waiters.first->value = (uint64_t)last;
        wait_end(s, timer->waiters.first, expiries);
    }
    w->value = (uint64_t)last;
    return expiries;
}

struct wait_list *timer_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct timer *)object)->waiters;
}

int timer_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    wait_end_all(s, &((struct timer *)object)->waiters, COTHREAD_ECLOSED);
    object_free(&s->handles, KIND_TIMER, object);
    return 0;
}

void timer_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct timer *timer = object;
    if (timer->next == COTHREAD_FOREVER)
        snprintf(text, size, "stopped");
    else
        snprintf(text, size, "expires in %lld us", (long long)((timer->next - system_now()) / 1000));
}
