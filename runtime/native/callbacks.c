/* callbacks.c - runs the callbacks that other threads post.
 * SPDX-License-Identifier: Apache-2.0
 *
 * They run on one task, the runner, one after the other. When one of them waits, the runner is an ordinary task until it
 * returns, and the next callbacks get a fresh one: so FIFO is the order in which they start. A callback's handle
 * is its own: the runner's is renewed after each, and names nothing between two. */
#include "callbacks.h"

#include "../../system/process.h"
#include "../../system/system.h"
#include "mutex.h"
#include "tasks.h"
#include "wait.h"

static void *run(void *argument);

void callbacks_ready(struct scheduler *s)
{
    if (!s->runner) {
        int error;
        s->runner = s->idle_runner;
        s->idle_runner = NULL;
        if (!s->runner) {
            s->runner = task_create(s, run, s, stack_class_of(s->default_stack), TASK_DETACHED, &error);
            if (!s->runner)
                return; /* no memory now; the next tick tries again */
            task_set_name(s, s->runner, "callback");
            s->runner->state = TASK_ENDED; /* parked: neither waiting nor ready */
            slot_hide(s->runner);
        }
    }
    if (s->runner->state == TASK_ENDED) {
        struct wait *own = &s->runner->wait;
        s->runner->state = TASK_READY;
        own->next = s->shared.now_first;
        if (!s->shared.now_first)
            s->shared.now_tail = &own->next;
        s->shared.now_first = own;
    }
}

/* notify_room wakes the threads that wait for room in the queue, and as many tasks as there is room for; they try again.
 * A task that still waits is woken by a later pop: it found the queue full, so there is one to come. */
static void notify_room(struct scheduler *s)
{
    queue_popped(&s->queue);
    if (!s->room.first)
        return;
    for (uint64_t room = queue_room(&s->queue); room && s->room.first; room--)
        wait_end(s, s->room.first, 0);
}

/* runner_waits: the runner is about to wait inside a callback. */
static void runner_waits(struct scheduler *s, struct task *runner)
{
    notify_room(s); /* it may wait for a task that waits for room */
    s->runner = NULL;
    COUNT(s->shared.living, 1);
    if (s->closing)
        wait_cancel(s, runner);
    if (s->shared.callback_quota)
        callbacks_ready(s);
}

void callbacks_tell_host(struct scheduler *s, const cothread_ready *entry)
{
    s->told[s->shared.posted_count++] = *entry;
}

int callbacks_reserve(struct scheduler *s, uint32_t requests)
{
    uint32_t room = s->shared.posted_count + requests + s->shared.callback_budget;
    if (room <= s->told_room)
        return 0;
    void *grown = system_resize(s->told, room * sizeof *s->told);
    if (!grown)
        return fail(COTHREAD_ENOMEM, "no memory for what a batch of %lld requests may bring", requests);
    s->told = grown;
    s->told_room = room;
    return 0;
}

void callbacks_open(struct scheduler *s)
{
    s->runner_waits = runner_waits;
}

static void call(struct scheduler *s, const struct queue_item *item)
{
    if (item->callback)
        item->callback(item->argument);
    else if (!s->closing) /* there will be no more batches */
        callbacks_tell_host(s, item->kind == QUEUE_MAILBOX
            ? &(cothread_ready){.token = item->token, .reason = COTHREAD_POSTED, .value = (int64_t)(uintptr_t)item->argument}
            : &(cothread_ready){.token = (uint64_t)(uintptr_t)item->argument, .reason = COTHREAD_POSTED});
}

static void *run(void *argument)
{
    struct scheduler *s = argument;
    struct task *self = s->current;
    for (;;) {
        struct queue_item item;
        while (s->shared.callback_quota && queue_pop(&s->queue, &item)) {
            s->shared.callback_quota--;
            slot_show(self);
            call(s, &item);
            if (!scheduler_current || process_forked()) /* in a forked child: see task_main */
                return NULL;
            if (self->held)
                mutex_abandon_all(s, self);
            self->flags &= (uint8_t)~(TASK_CANCELLED | TASK_SHIELDED); /* meant for this callback */
            if (!slot_renew(&s->handles, KIND_TASK, self, true)) { /* no handle is left for another: the slot retires */
                if (s->runner == self) {
                    s->runner = NULL;
                    COUNT(s->shared.living, 1);
                }
                notify_room(s);
                return NULL;
            }
            if (s->runner != self)
                break;
        }
        notify_room(s);
        if (s->runner != self) { /* it has waited, and another runs the callbacks now */
            if (s->idle_runner)
                return NULL; /* task_end takes the living count back */
            task_one_less(s);
            s->idle_runner = self;
        }
        self->state = TASK_ENDED;
        switch_park(s, self);
    }
}

/* post_and_suspend waits for room as a task does: the others run meanwhile. */
static int post_and_suspend(struct scheduler *s, cothread_callback callback, void *argument, int64_t deadline)
{
    int rc;
    while ((rc = queue_offer(&s->queue, s->handles.owner, callback, argument)) == COTHREAD_EFULL) {
        if (!s->running)
            return fail(COTHREAD_EDEADLK, "the callback queue is full, and waiting here would keep it so: post from a task or a thread");
        if ((rc = wait_refused(s, deadline)) != 0 || (rc = wait_here(s, KIND_NONE, &s->room, deadline)) != 0)
            break;
    }
    if (rc == COTHREAD_ETIMEDOUT)
        queue_refuse(&s->queue);
    return rc == COTHREAD_EDEAD ? fail(rc, "the scheduler is being destroyed") : rc;
}

int callbacks_post(struct scheduler *s, cothread_handle owner, cothread_callback callback, void *argument, int64_t deadline)
{
    int rc;
    if (deadline == COTHREAD_NOW)
        rc = queue_post(&s->queue, owner, callback, argument);
    else if (s == scheduler_current)
        return post_and_suspend(s, callback, argument, deadline);
    else
        rc = queue_post_wait(&s->queue, owner, callback, argument, deadline);
    if (__builtin_expect(rc == 0, 1))
        return 0;
    if (rc == COTHREAD_EFULL)
        return fail(rc, "the callback queue is full: wait with a deadline, or raise callback_bound");
    if (rc == COTHREAD_ETIMEDOUT)
        return fail(rc, "the callback queue was still full at the deadline");
    return fail(rc, "scheduler %lld is being destroyed", owner);
}
