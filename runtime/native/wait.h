/* wait.h - how a task comes to wait and is woken. Inline: every hand-over goes through here.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_WAIT_H
#define NATIVE_WAIT_H

#include "state.h"
#include "switch.h"

/* ---- Lists ---------------------------------------------------------------------------------------- */

static inline void wait_list_append(struct wait_list *list, struct wait *w)
{
    struct wait *first = list->first;
    w->next = NULL;
    if (first) {
        w->previous = first->previous;
        first->previous->next = w;
        first->previous = w;
    } else {
        w->previous = w;
        list->first = w;
    }
}

static inline void wait_list_prepend(struct wait_list *list, struct wait *w)
{
    struct wait *first = list->first;
    w->next = first;
    w->previous = first ? first->previous : w;
    if (first)
        first->previous = w;
    list->first = w;
}

static inline void wait_list_remove(struct wait_list *list, struct wait *w)
{
    struct wait *first = list->first;
    if (w == first) {
        list->first = w->next;
        if (w->next)
            w->next->previous = w->previous;
    } else {
        w->previous->next = w->next;
        (w->next ? w->next : first)->previous = w->previous;
    }
}

static inline void wait_make_ready(struct scheduler *s, struct task *t)
{
    struct shared *shared = &s->shared;
    t->state = TASK_READY;
    if (__builtin_expect(t->flags & TASK_HOST, 0))
        wait_list_append(&shared->host, &t->wait);
    else if (s->hand_overs < HAND_OVERS_PER_TICK) {
        s->hand_overs++;
        switch_append(&shared->now_tail, t);
    } else
        switch_append(&shared->next_tail, t);
    if (__builtin_expect(shared->notify, 0))
        switch_notify(s);
}

/* ---- One wait -------------------------------------------------------------------------------------- */

/* wait_of_caller returns the calling task's own wait, for a try; that of a hosted scheduler's own stack never begins. */
static inline struct wait *wait_of_caller(struct scheduler *s)
{
    return s->current ? &s->current->wait : &s->hosted_wait;
}

static inline void wait_arm(struct scheduler *s, struct wait *w)
{
    if (w->flags & WAIT_ARMED)
        return;
    w->flags |= WAIT_ARMED;
    w->armed_next = NULL;
    if (s->shared.armed_last)
        s->shared.armed_last->armed_next = w;
    else
        s->shared.armed_first = w;
    s->shared.armed_last = w;
}

/* wait_enter puts `t` into a wait; it is over when somebody calls wait_end. */
static inline void wait_enter(struct scheduler *s, struct task *t, enum kind kind, struct wait_list *list, int64_t deadline)
{
    struct wait *w = &t->wait;
    t->state = TASK_WAITING;
    w->number++;
    w->kind = (uint8_t)kind;
    w->list = list;
    if (list)
        wait_list_append(list, w);
    t->deadline = deadline;
    if (deadline != COTHREAD_FOREVER)
        wait_arm(s, w);
    COUNT(s->shared.waiting, !(t->flags & TASK_MAIN));
}

/* wait_drop takes a task out of its wait without making it ready. */
static inline void wait_drop(struct scheduler *s, struct wait *w)
{
    struct task *t = w->task;
    if (w->list) {
        wait_list_remove(w->list, w);
        w->list = NULL;
    }
    t->deadline = COTHREAD_FOREVER;
    COUNT(s->shared.waiting, -!(t->flags & TASK_MAIN));
}

/* wait_fire notes that one of several things that a task waits for has happened. */
static inline void wait_fire(struct items *items, struct item *item, int result)
{
    if (item->fired || (items->fired && items->flags & COTHREAD_ONE))
        return;
    item->fired = true;
    item->result = result;
    items->fired++;
    items->handed |= item->takes && result >= 0;
}

/* wait_end_part ends a wait that is no task's own: of a transfer, or of one of several things that a task waits for, and with
 * it the task's. */
void wait_end_part(struct scheduler *s, struct wait *w, int reason) __attribute__((cold));

static inline struct transfer *transfer_of(struct wait *w)
{
    return (struct transfer *)(void *)((char *)w - (w->sends ? offsetof(struct transfer, out) : 0));
}
/* wait_ready_transfer puts the wait of a transfer among the ready host tasks. */
void wait_ready_transfer(struct scheduler *s, struct wait *w);

/* wait_end ends a wait that was served: what it asked for has been put into it. */
static inline void wait_end(struct scheduler *s, struct wait *w, int reason)
{
    if (__builtin_expect(w->flags & (WAIT_OF_ITEM | WAIT_OF_TRANSFER), 0)) {
        wait_end_part(s, w, reason);
        return;
    }
    wait_drop(s, w);
    w->task->reason = reason;
    wait_make_ready(s, w->task);
}

/* wait_end_unserved ends one that took nothing. wait_leave, which is for a task's own wait, does not make the task ready. */
static inline void wait_say_leave(struct scheduler *s, struct wait *w)
{
    if (__builtin_expect(kinds[w->kind].leave != NULL, 0))
        kinds[w->kind].leave(s, w);
}

static inline void wait_leave(struct scheduler *s, struct wait *w)
{
    wait_say_leave(s, w);
    wait_drop(s, w);
}

static inline void wait_end_unserved(struct scheduler *s, struct wait *w, int reason)
{
    wait_say_leave(s, w);
    wait_end(s, w, reason);
}

/* wait_end_cold is for what comes from outside: the task has been away for long, and many are woken in a row. Asked for here,
 * the pages of their stacks are looked up side by side; at its switch the processor would wait for each (an echo server with
 * 1000 connections: 0.954 of raw epoll's messages per CPU-second, 0.921 without; medians of twelve rounds). */
static inline void wait_end_cold(struct scheduler *s, struct wait *w, int reason)
{
    wait_end_unserved(s, w, reason);
    __builtin_prefetch(w->task->sp);
}

void wait_end_all(struct scheduler *s, struct wait_list *list, int reason);

/* wait_leave_item takes the wait of one of several things out of its list, prepared or listed: it takes nothing any more. */
static inline void wait_leave_item(struct scheduler *s, struct item *item)
{
    struct wait *w = &item->wait;
    if (!w->list)
        return;
    wait_say_leave(s, w);
    if (item->listed)
        wait_list_remove(w->list, w);
    item->listed = false;
    w->list = NULL;
}

/* wait_object returns the object whose list a wait stands in: slots are powers of two, and aligned. */
static inline void *wait_object(const struct wait *w)
{
    return (void *)((uintptr_t)w->list & ~(((uintptr_t)1 << kind_slot_bits((enum kind)w->kind)) - 1));
}

static inline bool wait_is_cancelled(const struct task *t)
{
    return (t->flags & (TASK_CANCELLED | TASK_SHIELDED)) == TASK_CANCELLED;
}

/* wait_cancel asks a task to end: see cothread_cancel. */
void wait_cancel(struct scheduler *s, struct task *t);

/* wait_hasten has a task's wait end at `deadline` at the latest, as if its own had passed. */
static inline void wait_hasten(struct scheduler *s, struct task *t, int64_t deadline)
{
    if (t->state != TASK_WAITING || deadline >= t->deadline)
        return;
    t->deadline = deadline;
    wait_arm(s, &t->wait);
    if (s->shared.notify)
        switch_notify(s);
}

/* ---- The calling task ------------------------------------------------------------------------------ */

int wait_impossible(struct scheduler *s, int64_t deadline) __attribute__((cold));
int wait_failed(struct scheduler *s, int reason, int64_t deadline) __attribute__((cold));
/* wait_before_limit is for a limit that a loop would meet again at once: the others run for a while, and may give something
 * back, before the calling task is told. It returns `rc`, whose sentence was recorded, or why the wait ended. */
int wait_before_limit(struct scheduler *s, int rc, int64_t deadline) __attribute__((cold));

/* wait_far_in_the_past says whether a deadline looks like a relative time: 10 s before the scheduler began. */
static inline bool wait_far_in_the_past(const struct scheduler *s, int64_t deadline)
{
    return __builtin_expect(deadline < s->began - 10 * COTHREAD_SECOND, 0) && deadline != COTHREAD_NOW;
}
#define DEADLINES_ARE_ABSOLUTE "the deadline, %lld, lies far in the past: deadlines are absolute: use cothread_after"

static inline bool wait_is_impossible(const struct scheduler *s, int64_t deadline)
{
    const struct task *self = s->current;
    return __builtin_expect(deadline == COTHREAD_NOW || !self || wait_is_cancelled(self), 0);
}

/* wait_refused says whether the calling task may not wait now: 0, or the error to return, and then others may have run. It comes
 * after the try: a call that is satisfied at once succeeds, also in a cancelled task, which may so clean up behind itself. */
static inline int wait_refused(struct scheduler *s, int64_t deadline)
{
    return wait_is_impossible(s, deadline) ? wait_impossible(s, deadline) : 0;
}

/* wait_suspend suspends the calling task, whose wait has begun, and returns its reason. */
static inline int wait_suspend(struct scheduler *s, int64_t deadline)
{
    int reason = switch_suspend(s, s->current);
    return __builtin_expect(reason < 0, 0) ? wait_failed(s, reason, deadline) : reason;
}

static inline int wait_here(struct scheduler *s, enum kind kind, struct wait_list *list, int64_t deadline)
{
    wait_enter(s, s->current, kind, list, deadline);
    return wait_suspend(s, deadline);
}

/* wait_satisfied counts a wait that was satisfied at once; one too many in this tick and the caller yields, so that an
 * endless supply cannot keep the other tasks from running. COTHREAD_NOW never suspends; and the callbacks' quota bounds
 * those. */
static inline void wait_satisfied(struct scheduler *s, int64_t deadline)
{
    if (__builtin_expect(++s->hand_overs > HAND_OVERS_PER_TICK, 0) && deadline != COTHREAD_NOW && s->current && !s->beginning)
        switch_yield(s, s->current);
}

/* wait_finish does what all waits on objects have in common after their try. */
static inline int wait_finish(struct scheduler *s, int tried, enum kind kind, struct wait_list *list, int64_t deadline)
{
    if (__builtin_expect(tried != WOULD_WAIT, 1)) {
        if (tried >= 0)
            wait_satisfied(s, deadline);
        return tried;
    }
    int rc = wait_refused(s, deadline);
    return rc ? rc : wait_here(s, kind, list, deadline);
}

#endif
