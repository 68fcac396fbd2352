/* waiting.h - how a task comes to wait and is woken. Inline: every hand-over goes through here.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_WAITING_H
#define NATIVE_WAITING_H

#include "native.h"

/* Written without a lock by the owner, read by anybody. */
#define COUNT(counter, by) \
    atomic_store_explicit(&(counter), atomic_load_explicit(&(counter), memory_order_relaxed) + (uint64_t)(by), memory_order_relaxed)

/* ---- Lists ---------------------------------------------------------------------------------------- */

static inline void ready_append(struct task ***tail, struct task *t)
{
    t->next = NULL;
    **tail = t;
    *tail = &t->next;
}

static inline void waiters_append(struct waiters *list, struct task *t)
{
    struct task *first = list->first;
    t->next = NULL;
    if (first) {
        t->previous = first->previous;
        first->previous->next = t;
        first->previous = t;
    } else {
        t->previous = t;
        list->first = t;
    }
}

static inline void waiters_remove(struct waiters *list, struct task *t)
{
    struct task *first = list->first;
    if (t == first) {
        list->first = t->next;
        if (t->next)
            t->next->previous = t->previous;
    } else {
        t->previous->next = t->next;
        (t->next ? t->next : first)->previous = t->previous;
    }
}

static inline void make_ready(struct scheduler *s, struct task *t)
{
    struct shared *shared = &s->shared;
    t->state = TASK_READY;
    if (__builtin_expect(t->flags & TASK_HOST, 0))
        ready_append(&shared->host_tail, t);
    else if (s->hand_overs < HAND_OVERS_PER_TICK) {
        s->hand_overs++;
        ready_append(&shared->now_tail, t);
    } else
        ready_append(&shared->next_tail, t);
    if (__builtin_expect(shared->notify, 0))
        native_notify(s);
}

/* wait_begin puts `t` into a wait; it is over when somebody calls wake. */
static inline void wait_begin(struct scheduler *s, struct task *t, struct waiters *in, int64_t deadline)
{
    t->state = TASK_WAITING;
    t->wait++;
    t->waiting_in = in;
    if (in)
        waiters_append(in, t);
    t->deadline = deadline;
    if ((deadline != COTHREAD_FOREVER || t->events) && !(t->flags & TASK_ON_ARMED)) {
        t->flags |= TASK_ON_ARMED;
        t->armed_next = NULL;
        if (s->shared.armed_last)
            s->shared.armed_last->armed_next = t;
        else
            s->shared.armed_first = t;
        s->shared.armed_last = t;
    }
    COUNT(s->shared.waiting, !(t->flags & TASK_MAIN));
}

static inline void wait_end(struct scheduler *s, struct task *t)
{
    if (t->waiting_in) {
        waiters_remove(t->waiting_in, t);
        t->waiting_in = NULL;
    }
    t->deadline = COTHREAD_FOREVER;
    COUNT(s->shared.waiting, -!(t->flags & TASK_MAIN));
}

/* wake ends the wait of `t`. */
static inline void wake(struct scheduler *s, struct task *t, int reason)
{
    wait_end(s, t);
    t->reason = reason;
    make_ready(s, t);
}

/* wake_cold is wake for what comes from outside: the task has been away for long, and many are woken in a row. Asked for here, the
 * pages of their stacks are looked up side by side; at its switch the processor would wait for each (an echo server with 1000
 * connections: 0.954 of raw epoll's messages per CPU-second, 0.921 without; medians of twelve rounds). */
static inline void wake_cold(struct scheduler *s, struct task *t, int reason)
{
    wake(s, t, reason);
    __builtin_prefetch(t->sp);
}

static inline bool is_cancelled(const struct task *t)
{
    return (t->flags & (TASK_CANCELLED | TASK_SHIELDED)) == TASK_CANCELLED;
}

/* wait_refused says whether the calling task may not wait now: 0, or the error to return. It comes after the try: a call that
 * is satisfied at once succeeds, also in a cancelled task, which may so clean up behind itself. */
static inline int wait_refused(struct scheduler *s, int64_t deadline)
{
    struct task *self = s->current;
    return __builtin_expect(deadline == COTHREAD_NOW || !self || is_cancelled(self), 0) ? wait_impossible(s, deadline) : 0;
}

/* wait_here suspends the calling task in `in` and returns its wake reason. After wait_refused. */
static inline int wait_here(struct scheduler *s, struct waiters *in, int64_t deadline)
{
    struct task *self = s->current;
    wait_begin(s, self, in, deadline);
    int reason = suspend(s, self);
    return __builtin_expect(reason < 0, 0) ? wait_failed(reason) : reason;
}

#endif
