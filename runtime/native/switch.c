/* switch.c - from one ready task straight to the next.
 * SPDX-License-Identifier: Apache-2.0 */
#include "switch.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../system/system.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
void __tsan_func_exit(void *); /* as gcc declares it */
#endif
#ifdef COTHREAD_VALGRIND
#include <valgrind/memcheck.h>
#endif

void switch_notify(struct scheduler *s)
{
    s->shared.notify = 0; /* one write until the next poll */
    system_wake(s->waker);
}

void switch_check(struct scheduler *s, struct task *t)
{
    if (__builtin_expect(!s->canaries || !stack_overflowed(t->stack), 1))
        return;
    char text[160];
    int length = snprintf(text, sizeof text, "libcothread: stack overflow in task \"%s\" (%u): its %zu byte stack is used up\n",
                          task_name(s, t), t->index, (size_t)1 << t->stack_class);
    system_say(text, (size_t)length);
    abort();
}

/* ---- What sanitizers are told ------------------------------------------------------------------------ */

/* They follow stacks only when told. NULL: the thread's own stack. `ending`: `from` never runs again. Inlined always:
 * ThreadSanitizer keeps a stack of calls per fiber, and would see a call on one and its return on another. */
static inline __attribute__((always_inline)) void leave(struct scheduler *s, struct task *from, struct task *to, bool ending)
{
    (void)s, (void)from, (void)to, (void)ending;
#ifdef __SANITIZE_ADDRESS__
    s->left_own = from == NULL;
    __sanitizer_start_switch_fiber(ending ? NULL : from ? &from->fake_stack : &s->fake_stack,
                                   to ? stack_base(to->stack) : s->own_bottom,
                                   to ? (size_t)1 << to->stack_class : s->own_size);
#endif
#ifdef __SANITIZE_THREAD__
    if (ending) { /* switch_end's and task_main's: the slot's next task gets the fiber, as a new one takes 0.4 ms */
        __tsan_func_exit(NULL);
        __tsan_func_exit(NULL);
    }
    __tsan_switch_to_fiber(to ? to->fiber : s->own_fiber, 0);
#endif
}

static inline __attribute__((always_inline)) void arrive(struct scheduler *s, void *fake_stack)
{
    (void)s, (void)fake_stack;
#ifdef __SANITIZE_ADDRESS__
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
    if (s->left_own) {
        s->own_bottom = bottom;
        s->own_size = size;
    }
#endif
}

void switch_begun(void)
{
    arrive(scheduler_current, NULL);
}

void switch_forget(struct task *t)
{
    (void)t;
#ifdef __SANITIZE_THREAD__
    if (t->fiber)
        __tsan_destroy_fiber(t->fiber);
    t->fiber = NULL;
#endif
#ifdef COTHREAD_VALGRIND
    if (t->valgrind_stack) /* one more than the number: 0 is that of main's stack */
        VALGRIND_STACK_DEREGISTER(t->valgrind_stack - 1);
    t->valgrind_stack = 0;
#endif
}

static inline void tell_of_new(struct task *t)
{
    (void)t;
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(stack_base(t->stack), (size_t)1 << t->stack_class); /* frames its last task never left */
#endif
#ifdef __SANITIZE_THREAD__
    if (!t->fiber)
        t->fiber = __tsan_create_fiber(0);
#endif
#ifdef COTHREAD_VALGRIND
    switch_forget(t); /* of the slot's last owner */
    char *low = stack_base(t->stack), *high = low + ((size_t)1 << t->stack_class);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(high - 4096, 4096); /* what its last task had popped is no memory to valgrind */
    t->valgrind_stack = 1 + VALGRIND_STACK_REGISTER(low, high - 1);
#endif
}

/* ---- Switching ---------------------------------------------------------------------------------------- */

static inline void change_stacks(struct scheduler *s, struct task *from, struct task *to)
{
    leave(s, from, to, false);
    switch_stacks(from ? &from->sp : &s->thread_sp, to ? to->sp : s->thread_sp);
#ifdef __SANITIZE_ADDRESS__
    arrive(s, from ? from->fake_stack : s->fake_stack);
#endif
}

/* fetch brings in what the task after the next runs with: the frames it goes on in, and the block of the one behind it. When a
 * thousand tasks have a connection each, the system's work for the others has pushed them out of the caches since they ran:
 * an echo server waited 100 ns at each switch (perf, bench echo). */
static inline void fetch(struct wait *following)
{
    __builtin_prefetch(following->next);
    for (int offset = 0; offset < 384; offset += 64)
        __builtin_prefetch((const char *)task_of(following)->sp + offset);
}

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
        fetch(following);
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
    if (__builtin_expect(s->canaries && from, 0))
        switch_check(s, from);
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

void switch_prepare(struct scheduler *s, struct task *t, cothread_function function, void *argument)
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
}

void switch_end(struct scheduler *s, struct task *t)
{
    struct task *to = next_ready(s);
    leave(s, t, to, true);
    switch_leave(to ? to->sp : s->thread_sp); /* a jump: see switch_amd64.S */
}
