/* tick.c - one tick: callbacks, then what is due, then all that is ready.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tick.h"

#include "callbacks.h"
#include "channel.h"
#include "jobs.h"
#include "wait.h"

static void report(struct scheduler *s, cothread_handle handle, uint32_t events)
{
    int error;
    enum kind kind = handle_kind(handle);
    void *object = kind == KIND_SCHEDULER ? s : handle_object(&s->handles, kind, handle, &error);
    if (!object)
        return; /* it was closed since */
    s->running = 0; /* this is the thread's own stack, from which tick calls are made directly */
    kinds[kind].ready(s, object, events);
    s->running = 1;
}

void tick_deliver(struct scheduler *s)
{
    struct shared *shared = &s->shared;
    for (uint32_t i = 0; i < shared->due_count; i++) {
        const struct due *due = &shared->due[i];
        struct wait *w = due->wait;
        s->hand_overs = 0; /* what is due is no hand-over */
        if (i + 4 < shared->due_count && due[4].wait) {
            __builtin_prefetch(due[4].wait, 1);
            __builtin_prefetch(&due[4].wait->task, 1); /* the block's second line */
        }
        if (!w) {
            report(s, due->object, due->events);
        } else if (w->number == due->number && (w->task->state == TASK_WAITING || w->flags & WAIT_OF_ITEM)) {
            COUNT(shared->timers_fired, due->reason == COTHREAD_ETIMEDOUT);
            if (w->events)
                w->events = due->events;
            wait_end_cold(s, w, due->reason);
        }
    }
    s->hand_overs = 0;
    shared->due_count = 0;
}

/* start makes ready what the tick begins with, behind the callbacks: a signal one of them gave wins over a deadline of the
 * same tick, and so does what other threads sent. */
static void start(struct scheduler *s)
{
    struct shared *shared = &s->shared;
    s->beginning = 0;
    bool arrived = atomic_load_explicit(&shared->arrived, memory_order_relaxed);
    if (arrived) {
        atomic_store(&shared->arrived, 0); /* here and nowhere else: all that look at it must be called after */
        channels_arrive(s); /* before deadlines: what is there wins over one that passed */
    }
    tick_deliver(s);
    if (arrived) {
        jobs_arrive(s);
        s->hand_overs = 0;
    }
    if (shared->next_first) {
        *shared->now_tail = shared->next_first;
        shared->now_tail = shared->next_tail;
        shared->next_first = NULL;
        shared->next_tail = &shared->next_first;
    }
}

/* defer puts what is ready already behind what is due. */
static void defer(struct shared *shared)
{
    if (!shared->now_first)
        return;
    *shared->now_tail = shared->next_first;
    if (!shared->next_first)
        shared->next_tail = shared->now_tail;
    shared->next_first = shared->now_first;
    shared->now_first = NULL;
    shared->now_tail = &shared->now_first;
}

void tick_run(struct scheduler *s, bool beginning)
{
    struct shared *shared = &s->shared;
    shared->notify = 0;
    s->running = 1;
    exceptions_tick(&s->exceptions);
    if (beginning) {
        s->beginning = 1;
        s->hand_overs = HAND_OVERS_PER_TICK; /* tasks that callbacks wake run behind what is due, */
        defer(shared);                       /* and so do those that were made ready outside a tick */
        if (shared->callback_quota)
            callbacks_ready(s);
    }
    if (s->calling || shared->now_first || !s->beginning)
        switch_run(s);
    else
        shared->stop = STOP_DONE;
    if (s->beginning && shared->stop == STOP_DONE) {
        start(s);
        switch_run(s);
    }
    s->running = 0;
    s->current = shared->main;
}
