/* switch.c - from one ready task straight to the next.
 * SPDX-License-Identifier: Apache-2.0 */
#include "switch.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../callback/sanitizers.h"
#include "../../system/system.h"

#ifdef COTHREAD_VALGRIND
#include <valgrind/memcheck.h>
#endif

void switch_notify(struct scheduler *s)
{
    s->shared.notify = 0; /* one write until the next poll */
    system_wake(s->waker);
}

void switch_check_canary(struct scheduler *s, struct task *t)
{
    if (!stack_overflowed(t->stack))
        return;
    char text[160];
    int length = snprintf(text, sizeof text, "libcothread: stack overflow in task \"%s\" (%u): its %zu byte stack is used up\n",
                          task_name(s, t), t->index, (size_t)1 << t->stack_class);
    system_say(text, (size_t)length);
    abort();
}

/* ---- What a switch may have to take along --------------------------------------------------------------- */

_Unwind_Reason_Code exception_leaves(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                     struct _Unwind_Exception *exception, struct _Unwind_Context *context)
{
    (void)version, (void)class, (void)exception, (void)context;
    struct scheduler *s = scheduler_current;
    if ((actions & _UA_SEARCH_PHASE) && s && s->current) {
        char text[160];
        int length = snprintf(text, sizeof text, "libcothread: an exception leaves task \"%s\" (%u), where nothing can catch it\n",
                              task_name(s, s->current), s->current->index);
        system_say(text, (size_t)length);
    }
    return _URC_CONTINUE_UNWIND; /* there is no more stack: the runtime ends the program */
}

static struct followed_stack followed(const struct task *t)
{
    return t ? (struct followed_stack){t->index, stack_base(t->stack), (size_t)1 << t->stack_class}
             : (struct followed_stack){0, NULL, 0};
}

/* These two are jumped to: a call in the middle of what every spawn does would have it save registers (bench a: 32.9 ns so,
 * 30.9 with the jumps; medians of 14 runs). */
static __attribute__((noinline, cold)) bool prepare_carefully(struct scheduler *s, struct task *t)
{
    return sanitizers_spawned(&s->sanitizers, followed(t));
}

SANITIZERS_UNSEEN static __attribute__((noinline, cold)) void end_carefully(struct scheduler *s, struct task *to)
{
    sanitizers_leave(&s->sanitizers, followed(to), NULL);
    switch_leave(to ? to->sp : s->thread_sp);
}

SANITIZERS_UNSEEN void switch_begun_carefully(struct scheduler *s)
{
    sanitizers_arrive(&s->sanitizers, NULL);
}

void switch_forget(struct task *t)
{
    (void)t;
#ifdef COTHREAD_VALGRIND
    if (t->valgrind_stack) /* one more than the number: 0 is that of main's stack */
        VALGRIND_STACK_DEREGISTER(t->valgrind_stack - 1);
    t->valgrind_stack = 0;
#endif
}

static inline void tell_of_new(struct task *t)
{
    (void)t;
#ifdef COTHREAD_VALGRIND
    switch_forget(t); /* of the slot's last owner */
    char *low = stack_base(t->stack), *high = low + ((size_t)1 << t->stack_class);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(high - 4096, 4096); /* what its last task had popped is no memory to valgrind */
    t->valgrind_stack = 1 + VALGRIND_STACK_REGISTER(low, high - 1);
#endif
}

/* ---- Switching ---------------------------------------------------------------------------------------- */

/* change_carefully is the switch when there is more to take along than registers. SANITIZERS_UNSEEN: see there. */
SANITIZERS_UNSEEN static __attribute__((noinline, cold)) void change_carefully(struct scheduler *s, struct task *from, struct task *to)
{
    struct exceptions_kept kept;
    void *fake = NULL;
    if (from)
        switch_check(s, from);
    exceptions_put_away(&s->exceptions, &kept);
    sanitizers_leave(&s->sanitizers, followed(to), &fake);
    switch_stacks(from ? &from->sp : &s->thread_sp, to ? to->sp : s->thread_sp);
    sanitizers_arrive(&s->sanitizers, fake);
    exceptions_bring_back(&s->exceptions, &kept);
}

static inline void change_stacks(struct scheduler *s, struct task *from, struct task *to)
{
    if (__builtin_expect(exceptions_present(&s->exceptions), 0) || __builtin_expect(s->canaries, 0))
        change_carefully(s, from, to);
    else
        switch_stacks(from ? &from->sp : &s->thread_sp, to ? to->sp : s->thread_sp);
}

/* FETCH brings in what the task after the next runs with: the frames it goes on in, and the block of the one behind it. When a
 * thousand tasks have a connection each, the system's work for the others has pushed them out of the caches since they ran:
 * an echo server waited 100 ns at each switch (perf, bench echo). A macro without a loop: gcc drops a call of an inline
 * function that only prefetches, and a loop takes yield from 9.6 to 10.1 ns (bench b, least of 40 runs). */
#define FETCH(following)                                        \
    do {                                                        \
        const char *frames = task_of(following)->sp;            \
        __builtin_prefetch((following)->next);                  \
        __builtin_prefetch(frames);                             \
        __builtin_prefetch(frames + 64);                        \
        __builtin_prefetch(frames + 128);                       \
        __builtin_prefetch(frames + 192);                       \
        __builtin_prefetch(frames + 256);                       \
        __builtin_prefetch(frames + 320);                       \
    } while (0)

/* next_ready takes the next ready task; NULL: back to tick_run, which finds why in shared.stop. */
static inline struct task *next_ready(struct scheduler *s)
{
    struct shared *shared = &s->shared;
    struct wait *first = shared->now_first;
    if (__builtin_expect(!first, 0)) {
        shared->stop = STOP_DONE;
        return NULL;
    }
    struct wait *following = shared->now_first = first->next;
    if (following)
        FETCH(following);
    else
        shared->now_tail = &shared->now_first;
    struct task *to = task_of(first);
    to->state = TASK_RUNNING;
    if (__builtin_expect(to->flags & TASK_MAIN, 0)) {
        shared->stop = STOP_MAIN;
        return NULL;
    }
    s->current = to;
    COUNT(shared->switches, 1);
    return to;
}

/* go_on switches from `from` (NULL: tick_run) to the next ready task, or back to tick_run.
 *
 * Not inlined: every suspended task is to go on behind the one call of switch_stacks in here, where the processor's stack of
 * return addresses expects it. See switch_amd64.S. */
static __attribute__((noinline)) void go_on(struct scheduler *s, struct task *from)
{
    struct task *to = next_ready(s);
    if (to != from)
        change_stacks(s, from, to);
}

void switch_park(struct scheduler *s, struct task *self)
{
    go_on(s, self);
}

int switch_suspend(struct scheduler *s, struct task *self)
{
    int saved = *s->error; /* errno, without the call that finds it */
    if (__builtin_expect(self->flags & TASK_MAIN, 0)) {
        s->tick_drive(s);
        happens_after(&s->shared.interrupted); /* of what a thread did before it interrupted */
        if (s->broken)
            return COTHREAD_EBROKEN;
    } else {
        if (__builtin_expect(self == s->runner, 0))
            s->runner_waits(s, self);
        go_on(s, self);
    }
    *s->error = saved;
    return self->reason;
}

void switch_yield(struct scheduler *s, struct task *self)
{
    self->state = TASK_READY;
    self->reason = 0;
    switch_append(&s->shared.next_tail, self);
    switch_suspend(s, self);
}

int64_t switch_call(struct scheduler *s, enum call operation, int64_t a, int64_t b)
{
    struct shared *shared = &s->shared;
    shared->call_operation = operation;
    shared->call_a = a;
    shared->call_b = b;
    if (s->running) {
        struct task *self = s->current;
        s->calling = self;
        shared->stop = STOP_CALL;
        change_stacks(s, self, NULL);
    } else {
        s->tick_call(s);
    }
    return shared->call_result;
}

void switch_run(struct scheduler *s)
{
    struct task *calling = s->calling;
    if (!calling) {
        go_on(s, NULL);
        return;
    }
    s->calling = NULL;
    s->current = calling;
    change_stacks(s, NULL, calling);
}

/* ---- The first and the last of a stack ----------------------------------------------------------------- */

bool switch_prepare(struct scheduler *s, struct task *t, cothread_function function, void *argument)
{
    s->canaries |= (uintptr_t)t->stack & STACK_CANARY;
    tell_of_new(t);
    /* Tops are staggered, or the same frames of all tasks would fight for the same cache sets: 1000 tasks yielding take
     * 40 ns each without, 15 with (bench b). Half a page at most, so that a task that uses little stays on one page. */
    char *top = stack_base(t->stack) + ((size_t)1 << t->stack_class) - (t->index % 16) * 128 - 64;
    void **frame = (void **)(void *)top - 4; /* see switch_amd64.S */
    frame[0] = t;
    frame[1] = (void *)function;
    frame[2] = argument;
    frame[3] = NULL; /* unwinders stop at return address 0 */
    t->sp = (char *)frame + 1; /* bit 0: fresh */
    return __builtin_expect(s->sanitized, 0) ? prepare_carefully(s, t) : true;
}

SANITIZERS_UNSEEN void switch_end(struct scheduler *s, struct task *t)
{
    struct task *to = next_ready(s);
    (void)t;
    if (__builtin_expect(s->sanitized, 0))
        end_carefully(s, to);
    else
        switch_leave(to ? to->sp : s->thread_sp); /* a jump: see switch_amd64.S */
}
