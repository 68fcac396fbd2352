/* tasks.c - tasks, the ready lists, and native_run, which runs them.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "native.h"
#include "waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

_Thread_local struct scheduler *native_current __attribute__((tls_model("initial-exec")));

/* native_notify makes the host's pollable descriptor readable: something changed outside a tick. */
void native_notify(struct scheduler *s)
{
    uint64_t one = 1;
    int saved = errno;
    s->shared.notify = 0; /* one write until the next poll */
    if (write(s->wake_fd, &one, sizeof one) < 0) {
        /* Only a full counter can fail, and that is readable too. */
    }
    errno = saved;
}

/* ---- Switching -------------------------------------------------------------------------------------- */

static void overflowed(struct scheduler *s, struct task *t) __attribute__((noreturn, cold));
static void overflowed(struct scheduler *s, struct task *t)
{
    char text[160];
    int length = snprintf(text, sizeof text, "libcothread: stack overflow in task \"%s\" (%u): its %zu byte stack is used up\n",
                          native_name(s, t), t->index, (size_t)1 << t->stack_class);
    if (write(2, text, (size_t)length) < 0) {
        /* nowhere to say it */
    }
    abort();
}

/* Sanitizers follow stacks only when told. NULL: the thread's own stack. `ending`: `from` never runs again. Inlined
 * always: ThreadSanitizer keeps a stack of calls per fiber, and would see a call on one and its return on another. */
static inline __attribute__((always_inline)) void leave(struct scheduler *s, struct task *from, struct task *to, bool ending)
{
    (void)s, (void)from, (void)to, (void)ending;
#ifdef __SANITIZE_ADDRESS__
    s->left_own = from == NULL;
    __sanitizer_start_switch_fiber(ending ? NULL : from ? &from->fake_stack : &s->fake_stack,
                                   to ? stack_low(to->stack) : s->own_bottom,
                                   to ? (size_t)1 << to->stack_class : s->own_size);
#endif
#ifdef __SANITIZE_THREAD__
    if (ending)
        __tsan_func_exit(NULL); /* native_task_main's: the slot's next task gets the fiber, as a new one takes 0.4 ms */
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

static inline void switch_stacks(struct scheduler *s, struct task *from, struct task *to)
{
    leave(s, from, to, false);
    native_switch(from ? &from->sp : &s->thread_sp, to ? to->sp : s->thread_sp);
#ifdef __SANITIZE_ADDRESS__
    arrive(s, from ? from->fake_stack : s->fake_stack);
#endif
}

/* fetch brings in what the task after the next runs with: the frames it goes on in, and the block of the one behind it. When a
 * thousand tasks have a connection each, the system's work for the others has pushed them out of the caches since they ran:
 * an echo server waited 100 ns at each switch (perf, bench echo). */
static inline void fetch(const struct task *t)
{
    __builtin_prefetch(t->next);
    for (int offset = 0; offset < 384; offset += 64)
        __builtin_prefetch((const char *)t->sp + offset);
}

/* next_ready takes the next ready task; NULL: back to native_run, which finds why in shared.stop. */
static inline struct task *next_ready(struct scheduler *s)
{
    struct shared *shared = &s->shared;
    struct task *to = shared->now_first;
    if (__builtin_expect(!to, 0)) {
        shared->stop = STOP_DONE;
        return NULL;
    }
    struct task *following = shared->now_first = to->next;
    if (following)
        fetch(following);
    else
        shared->now_tail = &shared->now_first;
    to->state = TASK_RUNNING;
    if (__builtin_expect(to->flags & TASK_MAIN, 0)) {
        shared->stop = STOP_MAIN;
        return NULL;
    }
    s->current = to;
    COUNT(shared->switches, 1);
    return to;
}

/* go_on switches from `from` (NULL: native_run) to the next ready task, or back to native_run.
 *
 * Not inlined: every suspended task is to go on behind the one call of native_switch in here, where the processor's stack of
 * return addresses expects it. See switch_amd64.S. */
static __attribute__((noinline)) void go_on(struct scheduler *s, struct task *from)
{
    if (__builtin_expect(s->canaries && from && stack_overflowed(from->stack), 0))
        overflowed(s, from);
    struct task *to = next_ready(s);
    if (to != from)
        switch_stacks(s, from, to);
}

static void displaced(struct scheduler *s, struct task *runner);
static void cancel(struct scheduler *s, struct task *t);

/* suspend returns when somebody has made the calling task ready and its turn has come. */
int suspend(struct scheduler *s, struct task *self)
{
    int saved = *s->error; /* errno, without the call that finds it */
    if (__builtin_expect(self->flags & TASK_MAIN, 0)) {
        s->tick.drive(s);
        if (s->broken)
            return COTHREAD_EBROKEN;
    } else {
        if (__builtin_expect(self == s->runner, 0))
            displaced(s, self);
        go_on(s, self);
    }
    *s->error = saved;
    return self->reason;
}

static void yield(struct scheduler *s, struct task *self)
{
    self->state = TASK_READY;
    self->reason = 0;
    ready_append(&s->shared.next_tail, self);
    suspend(s, self);
}

int wait_impossible(struct scheduler *s, int64_t deadline)
{
    if (deadline == COTHREAD_NOW)
        return fail(COTHREAD_ETIMEDOUT, "not ready, and the deadline is COTHREAD_NOW");
    if (!s->current)
        return fail(COTHREAD_EHOSTED, "this would block a hosted scheduler's thread: use a task, or COTHREAD_NOW");
    /* Let the others run: a task that ignores the error and waits again must not keep the tick for itself. */
    yield(s, s->current);
    return fail(COTHREAD_ECANCELED, "this task was cancelled: every wait ends so until it returns");
}

int wait_failed(int reason)
{
    switch (reason) {
    case COTHREAD_ETIMEDOUT: return fail(reason, "the deadline passed");
    case COTHREAD_ECANCELED: return fail(reason, "this task was cancelled while it waited");
    case COTHREAD_EINTR: return fail(reason, "cothread_interrupt ended the wait");
    case COTHREAD_ECLOSED: return fail(reason, "what this task waited for was closed");
    case COTHREAD_EBADF: return fail(reason, "the descriptor is not open");
    case COTHREAD_EEXIST: return fail(reason, "the descriptor is adopted: use cothread_wait_ready");
    case COTHREAD_ELIMIT: return fail(reason, "the kernel takes no more descriptors");
    case COTHREAD_ESYSTEM: return fail(reason, "the kernel does not watch this descriptor");
    }
    return reason;
}

void busy(struct scheduler *s, int64_t deadline)
{
    /* COTHREAD_NOW never suspends; and the callbacks' quota bounds those. */
    if (deadline != COTHREAD_NOW && s->current && !s->beginning && ++s->hand_overs > HAND_OVERS_PER_TICK)
        yield(s, s->current);
}

int64_t tick_call(struct scheduler *s, enum tick_operation operation, int64_t a, int64_t b)
{
    struct shared *shared = &s->shared;
    shared->call_operation = operation;
    shared->call_a = a;
    shared->call_b = b;
    if (s->running) {
        struct task *self = s->current;
        s->calling = self;
        shared->stop = STOP_CALL;
        switch_stacks(s, self, NULL);
    } else {
        s->tick.call(s);
    }
    return shared->call_result;
}

/* ---- The life of a task -------------------------------------------------------------------------------- */

struct task *native_new_task(struct scheduler *s, uint8_t flags)
{
    struct task *t = slot_take(s, KIND_TASK);
    if (!t)
        return NULL;
    t->flags = (t->flags & TASK_ON_ARMED) | flags; /* the list of armed tasks may still hold the slot's last owner */
    t->state = TASK_RUNNING;
    t->waiting_in = NULL;
    t->deadline = COTHREAD_FOREVER;
    t->value = 0;
    t->reason = 0;
    t->joiners.first = NULL;
    t->held = NULL;
    t->events = 0;
    t->group = NULL;
    return t;
}

static int stack_class_of(struct scheduler *s, uint32_t bytes)
{
    if (bytes == 0)
        bytes = s->default_stack;
    return bytes <= 1u << STACK_SMALLEST_CLASS ? STACK_SMALLEST_CLASS : 32 - __builtin_clz(bytes - 1);
}

/* What a fresh stack holds: see switch_amd64.S. */
static void *prepare_stack(struct task *t, cothread_function function, void *argument)
{
    /* Tops are staggered, or the same frames of all tasks would fight for the same cache sets: 1000 tasks yielding take
     * 40 ns each without, 15 with (bench b). Half a page at most, so that a task that uses little stays on one page. */
    char *top = stack_low(t->stack) + ((size_t)1 << t->stack_class) - (t->index % 16) * 128 - 64;
    void **frame = (void **)(void *)top - 4;
    frame[0] = t;
    frame[1] = (void *)function;
    frame[2] = argument;
    frame[3] = NULL; /* unwinders stop at return address 0 */
    return (char *)frame + 1; /* bit 0: fresh */
}

void native_task_main(struct task *t, cothread_function function, void *argument);
void native_task_main(struct task *t, cothread_function function, void *argument)
{
    arrive(native_current, NULL);
    void *result = function(argument);
    struct scheduler *s = native_current;
    if (__builtin_expect(!s, 0)) {
        static const char text[] = "libcothread: a task returned in a forked child: only exec and _exit are possible there\n";
        if (write(2, text, sizeof text - 1) < 0) {
            /* nowhere to say it */
        }
        _exit(70); /* EX_SOFTWARE */
    }
    char *stack = t->stack;
    int class = t->stack_class;
    if (__builtin_expect(s->canaries && stack_overflowed(stack), 0))
        overflowed(s, t);
    native_end(s, t, (uint64_t)(uintptr_t)result); /* its slot may be free now */
    stack_give(&s->pool, class, stack);
    struct task *to = next_ready(s);
    leave(s, t, to, true);
    native_leave(to ? to->sp : s->thread_sp); /* a jump: see switch_amd64.S */
}

static void one_less(struct scheduler *s)
{
    COUNT(s->shared.living, -1);
    if (s->until_idle && s->shared.living == 0) {
        s->until_idle = 0;
        if (s->shared.main->state == TASK_WAITING)
            wake(s, s->shared.main, 0);
    }
}

int native_until_idle(struct scheduler *s, int64_t deadline)
{
    int rc;
    if (s->shared.living == 0)
        return 0;
    if ((rc = wait_refused(s, deadline)) != 0)
        return rc;
    s->until_idle = 1;
    rc = wait_here(s, NULL, deadline);
    s->until_idle = 0;
    return rc;
}

void native_end(struct scheduler *s, struct task *t, uint64_t result)
{
    bool taken = t->flags & (TASK_DETACHED | TASK_HOST); /* the host keeps its own results */
    t->state = TASK_ENDED;
    one_less(s);
    if (t->held)
        mutexes_abandoned(s, t);
    for (struct task *joiner; (joiner = t->joiners.first); taken = true) {
        joiner->value = result;
        wake(s, joiner, 0);
    }
    if (t->group)
        group_member_ended(s, t->group);
    if (taken) {
        t->state = TASK_FREE;
        slot_release(s, KIND_TASK, t);
    } else {
        t->value = result;
        COUNT(s->shared.ended, 1);
    }
}

/* forget_stack takes back what a sanitizer knows of a task that never runs again. */
static inline void forget_stack(struct task *t)
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

static inline struct task *create(struct scheduler *s, cothread_function function, void *argument, int stack_class, uint8_t flags, int *error)
{
    struct task *t = native_new_task(s, flags);
    if (!t) {
        *error = slot_refused(s, KIND_TASK);
        return NULL;
    }
    t->stack_class = (uint8_t)stack_class;
    t->stack = stack_take(&s->pool, stack_class);
    if (!t->stack) {
        t->state = TASK_FREE;
        slot_release(s, KIND_TASK, t);
        *error = fail(COTHREAD_ENOMEM, "no memory for a stack of %lld bytes", 1LL << stack_class);
        return NULL;
    }
    s->canaries |= (uintptr_t)t->stack & STACK_CANARY;
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(stack_low(t->stack), (size_t)1 << stack_class); /* frames its last task never left */
#endif
#ifdef __SANITIZE_THREAD__
    if (!t->fiber)
        t->fiber = __tsan_create_fiber(0);
#endif
#ifdef COTHREAD_VALGRIND
    forget_stack(t); /* of the slot's last owner */
    char *low = stack_low(t->stack), *high = low + ((size_t)1 << stack_class);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(high - 4096, 4096); /* what its last task had popped is no memory to valgrind */
    t->valgrind_stack = 1 + VALGRIND_STACK_REGISTER(low, high - 1);
#endif
    t->sp = prepare_stack(t, function, argument);
    return t;
}

cothread_handle native_spawn(struct scheduler *s, cothread_function function, void *argument, const cothread_task_options *options)
{
    int error, class = stack_class_of(s, 0);
    uint8_t flags = 0;
    if (options) {
        class = stack_class_of(s, options->stack_size);
        flags = options->flags & COTHREAD_DETACHED ? TASK_DETACHED : 0;
    }
    struct task *t = create(s, function, argument, class, flags, &error);
    if (!t)
        return error;
    if (native_set_name(s, t, options ? options->name : NULL) < 0) {
        stack_give(&s->pool, class, t->stack);
        t->state = TASK_FREE;
        slot_release(s, KIND_TASK, t);
        return fail(COTHREAD_ENOMEM, "no memory for the task's name");
    }
    COUNT(s->shared.living, 1);
    COUNT(s->shared.spawned, 1);
    make_ready(s, t);
    return handle_of(s, KIND_TASK, t);
}

int join_try(struct scheduler *s, struct task *self, cothread_handle handle, struct waiters **in)
{
    int error;
    struct task *t = resolve(s, KIND_TASK, handle, &error);
    if (!t)
        return error;
    if (t == self)
        return fail(COTHREAD_EDEADLK, "task %lld joins itself", handle);
    if (t->flags & TASK_MAIN)
        return fail(COTHREAD_EINVAL, "task %lld is main, which does not end", handle);
    if (t->flags & TASK_DETACHED)
        return fail(COTHREAD_EHANDLE, "task %lld was detached or is in a group", handle);
    if (t->state != TASK_ENDED) {
        *in = &t->joiners;
        return WOULD_WAIT;
    }
    if (self)
        self->value = t->value;
    s->shared.call_result = (int64_t)t->value; /* a hosted scheduler's own stack has no task to put it in */
    COUNT(s->shared.ended, -1);
    t->state = TASK_FREE;
    slot_release(s, KIND_TASK, t);
    return 0;
}

int native_join(struct scheduler *s, cothread_handle handle, void **result, int64_t deadline)
{
    struct waiters *in = NULL;
    int rc = join_try(s, s->current, handle, &in);
    if (rc == WOULD_WAIT && (rc = wait_refused(s, deadline)) == 0)
        rc = wait_here(s, in, deadline);
    if (rc == 0 && result)
        *result = (void *)(uintptr_t)(s->current ? s->current->value : (uint64_t)s->shared.call_result);
    return rc;
}

int native_detach(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct task *t = resolve(s, KIND_TASK, handle, &error);
    if (!t)
        return error;
    if (t->flags & (TASK_DETACHED | TASK_MAIN))
        return fail(COTHREAD_EHANDLE, "task %lld is detached already, in a group, or main", handle);
    if (t->joiners.first)
        return fail(COTHREAD_EBUSY, "a task waits to join task %lld", handle);
    t->flags |= TASK_DETACHED;
    if (t->state == TASK_ENDED) {
        COUNT(s->shared.ended, -1);
        t->state = TASK_FREE;
        slot_release(s, KIND_TASK, t);
    }
    return 0;
}

static void cancel(struct scheduler *s, struct task *t)
{
    if (t->state == TASK_ENDED)
        return;
    t->flags |= TASK_CANCELLED;
    if (t->state == TASK_WAITING && !(t->flags & TASK_SHIELDED))
        wake(s, t, COTHREAD_ECANCELED);
}

int native_cancel(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct task *t = resolve(s, KIND_TASK, handle, &error);
    if (!t)
        return error;
    cancel(s, t);
    return 0;
}

int native_yield(struct scheduler *s)
{
    if (!s->current)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack cannot yield: call cothread_poll_scheduler");
    struct task *self = s->current;
    yield(s, self);
    if (s->broken)
        return COTHREAD_EBROKEN;
    return is_cancelled(self) ? fail(COTHREAD_ECANCELED, "this task was cancelled") : 0;
}

int native_sleep(struct scheduler *s, int64_t deadline)
{
    if (deadline == COTHREAD_NOW)
        return native_yield(s);
    int rc = wait_refused(s, deadline);
    if (rc == 0) {
        struct task *self = s->current;
        wait_begin(s, self, NULL, deadline);
        rc = suspend(s, self);
        rc = rc == COTHREAD_ETIMEDOUT ? 0 : wait_failed(rc);
    }
    return rc;
}

int native_shield(struct scheduler *s, int on)
{
    struct task *self = s->current;
    if (!self)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack is no task and cannot be shielded");
    int was = (self->flags & TASK_SHIELDED) != 0;
    self->flags = (uint8_t)((self->flags & ~TASK_SHIELDED) | (on ? TASK_SHIELDED : 0));
    return was;
}

int native_wait_until(struct scheduler *s, int64_t deadline)
{
    int rc = wait_refused(s, deadline);
    if (rc == 0) {
        struct task *self = s->current;
        self->flags |= TASK_IN_WAIT_UNTIL;
        rc = wait_here(s, NULL, deadline);
        self->flags &= (uint8_t)~TASK_IN_WAIT_UNTIL;
    }
    return rc;
}

int native_wakeup(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct task *t = resolve(s, KIND_TASK, handle, &error);
    if (!t)
        return error;
    if (t->state != TASK_WAITING || !(t->flags & TASK_IN_WAIT_UNTIL))
        return 0;
    wake(s, t, 0);
    return 1;
}

/* ---- Callbacks ------------------------------------------------------------------------------------------- */

/* Callbacks run on one task, the runner, one after the other. When one of them waits, the runner is an ordinary task
 * until it returns, and the next callbacks get a fresh one: so FIFO is the order in which they start. */

static void *run_callbacks(void *argument);

static void runner_ready(struct scheduler *s)
{
    if (!s->runner) {
        int error;
        s->runner = s->idle_runner;
        s->idle_runner = NULL;
        if (!s->runner) {
            s->runner = create(s, run_callbacks, s, stack_class_of(s, 0), TASK_DETACHED, &error);
            if (!s->runner)
                return; /* no memory now; the next tick tries again */
            native_set_name(s, s->runner, "callback");
            s->runner->state = TASK_ENDED; /* parked: neither waiting nor ready */
        }
    }
    if (s->runner->state == TASK_ENDED) {
        s->runner->state = TASK_READY;
        s->runner->next = s->shared.now_first;
        if (!s->shared.now_first)
            s->shared.now_tail = &s->runner->next;
        s->shared.now_first = s->runner;
    }
}

/* room_again wakes those who wait for room in the queue, threads and tasks; they try again. */
static void room_again(struct scheduler *s)
{
    queue_popped(&s->queue);
    for (struct task *waiting; (waiting = s->room.first);)
        wake(s, waiting, 0);
}

/* displaced: the runner is about to wait inside a callback. */
static void displaced(struct scheduler *s, struct task *runner)
{
    room_again(s); /* it may wait for somebody who waits for room */
    s->runner = NULL;
    COUNT(s->shared.living, 1);
    if (s->closing)
        cancel(s, runner);
    if (s->shared.callback_quota)
        runner_ready(s);
}

static void *run_callbacks(void *argument)
{
    struct scheduler *s = argument;
    struct task *self = s->current;
    for (;;) {
        struct queue_item item;
        while (s->shared.callback_quota && queue_pop(&s->queue, &item)) {
            s->shared.callback_quota--;
            if (item.callback)
                item.callback(item.argument);
            else if (!s->closing) /* there will be no more batches */
                s->posted[s->shared.posted_count++] = item.kind == QUEUE_MAILBOX
                    ? (struct posted){item.token, (uint64_t)(uintptr_t)item.argument}
                    : (struct posted){(uint64_t)(uintptr_t)item.argument, 0};
            if (!native_current) /* in a forked child: see native_task_main */
                return NULL;
            if (self->held)
                mutexes_abandoned(s, self);
            self->flags &= (uint8_t)~(TASK_CANCELLED | TASK_SHIELDED); /* it was meant for this callback, and so are handles of it */
            uint32_t *highest = &s->tables[KIND_TASK].highest;
            if (++self->generation > *highest)
                *highest = self->generation;
            if (self->generation >= (1u << GENERATION_BITS) - 2) { /* used up: native_end retires the slot */
                if (s->runner == self) {
                    s->runner = NULL;
                    COUNT(s->shared.living, 1);
                }
                room_again(s);
                return NULL;
            }
            if (s->runner != self)
                break;
        }
        room_again(s);
        if (s->runner != self) { /* displaced */
            if (s->idle_runner)
                return NULL; /* native_end takes the living count back */
            one_less(s);
            s->idle_runner = self;
        }
        self->state = TASK_ENDED;
        go_on(s, self);
    }
}

int native_post_wait(struct scheduler *s, cothread_callback callback, void *argument, int64_t deadline)
{
    int rc;
    while ((rc = queue_offer(&s->queue, s->handle, callback, argument)) == COTHREAD_EFULL) {
        if (!s->running) {
            rc = fail(COTHREAD_EDEADLK, "the callback queue is full, and waiting here would keep it so: post from a task or a thread");
            break;
        }
        if ((rc = wait_refused(s, deadline)) != 0 || (rc = wait_here(s, &s->room, deadline)) != 0)
            break;
    }
    if (rc == COTHREAD_ETIMEDOUT)
        queue_refuse(&s->queue);
    return rc == COTHREAD_EDEAD ? fail(rc, "the scheduler is being destroyed") : rc;
}

/* ---- native_run -------------------------------------------------------------------------------------------- */

void native_deliver(struct scheduler *s)
{
    struct shared *shared = &s->shared;
    for (uint32_t i = 0; i < shared->due_count; i++) {
        const struct due *due = &shared->due[i];
        s->hand_overs = 0; /* what is due is no hand-over */
        if (i + 4 < shared->due_count)
            __builtin_prefetch(due[4].task, 1);
        if (!due->task)
            adopted_ready(s, due->adopted, due->events);
        else if (due->task->state == TASK_WAITING && due->task->wait == due->wait) {
            due->task->events = due->events;
            wake_cold(s, due->task, due->reason);
        }
    }
    s->hand_overs = 0;
    shared->due_count = 0;
}

/* begin_tick makes ready what the tick begins with, behind the callbacks: a signal one of them gave wins over a deadline of
 * the same tick. */
static void begin_tick(struct scheduler *s)
{
    struct shared *shared = &s->shared;
    s->beginning = 0;
    native_deliver(s);
    if (shared->next_first) {
        *shared->now_tail = shared->next_first;
        shared->now_tail = shared->next_tail;
        shared->next_first = NULL;
        shared->next_tail = &shared->next_first;
    }
}

void native_run(struct scheduler *s, bool begin)
{
    struct shared *shared = &s->shared;
    shared->notify = 0;
    s->running = 1;
#ifdef __SANITIZE_THREAD__
    s->own_fiber = __tsan_get_current_fiber();
#endif
    if (begin) {
        s->beginning = 1;
        s->hand_overs = HAND_OVERS_PER_TICK; /* whom callbacks wake runs behind what is due, */
        if (shared->now_first) {         /* and so does who was made ready outside a tick */
            *shared->now_tail = shared->next_first;
            if (!shared->next_first)
                shared->next_tail = shared->now_tail;
            shared->next_first = shared->now_first;
            shared->now_first = NULL;
            shared->now_tail = &shared->now_first;
        }
        if (shared->callback_quota)
            runner_ready(s);
    }
    struct task *calling = s->calling;
    if (calling) {
        s->calling = NULL;
        s->current = calling;
        switch_stacks(s, NULL, calling);
    } else if (shared->now_first || !s->beginning) {
        go_on(s, NULL);
    } else {
        shared->stop = STOP_DONE;
    }
    if (s->beginning && shared->stop == STOP_DONE) {
        begin_tick(s);
        go_on(s, NULL);
    }
    s->running = 0;
    s->current = shared->main;
}

/* ---- The scheduler's beginning and end ----------------------------------------------------------------------- */

int native_start(struct scheduler *s, const cothread_options *options, int wake_fd)
{
    struct shared *shared = &s->shared;
    memset(shared, 0, sizeof *shared);
    shared->now_tail = &shared->now_first;
    shared->next_tail = &shared->next_first;
    shared->host_tail = &shared->host_first;
    s->current = s->calling = s->runner = s->idle_runner = NULL;
    s->hand_overs = 0;
    s->running = s->beginning = s->broken = s->canaries = s->closing = s->until_idle = 0;
    s->room.first = NULL;
    s->hosted = (options->flags & COTHREAD_HOSTED) != 0;
    s->host_polls = (options->flags & COTHREAD_HOST_POLLS) != 0;
    s->default_stack = options->stack_size ? options->stack_size : 65536;
    s->shared.callback_budget = options->callback_budget ? options->callback_budget : 256;
    if (s->hosted && s->shared.callback_budget > RING_CAPACITY)
        s->shared.callback_budget = RING_CAPACITY; /* a tick's tokens fit a batch */
    s->wake_fd = wake_fd;
    s->error = &errno;
    shared->due = calloc(DUE_CAPACITY, sizeof *shared->due);
    if (pool_open(&s->pool) < 0 || !shared->due || (s->hosted && native_ring_open(s) < 0))
        return COTHREAD_ENOMEM;
    struct task *main = native_new_task(s, TASK_MAIN); /* index 0, also when hosted: then nobody is it */
    if (!main)
        return COTHREAD_ENOMEM;
    if (!s->hosted)
        s->current = shared->main = main;
    shared->tasks = s->tables[KIND_TASK].chunks;
    shared->block_size = sizeof(struct task);
    cothread_handle handle = (int64_t)s->number << 53 | (int64_t)KIND_SCHEDULER << 49 | s->incarnation;
    int rc = queue_open(&s->queue, handle, options->callback_bound ? options->callback_bound : 65536, wake_fd);
    if (rc < 0)
        return rc;
    atomic_store(&s->handle, handle);
    native_current = s;
    return 0;
}

void native_stop(struct scheduler *s)
{
    atomic_store(&s->handle, 0);
    native_free_objects(s);
#if defined(__SANITIZE_THREAD__) || defined(COTHREAD_VALGRIND)
    for (uint32_t i = 0; i < s->tables[KIND_TASK].used; i++) /* parked runners, and tasks that were abandoned */
        forget_stack(slot_at(s, KIND_TASK, i));
#endif
    pool_close(&s->pool);
    free(s->shared.due);
    s->shared.due = NULL;
    free(s->posted);
    s->posted = NULL;
    free(s->ring.requests);
    free(s->ring.ready);
    memset(&s->ring, 0, sizeof s->ring);
    if (native_current == s)
        native_current = NULL;
    scheduler_close(s);
}

void native_statistics(struct scheduler *s, cothread_stats *stats)
{
    const struct shared *shared = &s->shared;
    memset(stats, 0, sizeof *stats);
    stats->size = sizeof *stats;
    uint64_t living = shared->living, waiting = shared->waiting;
    stats->ticks = shared->ticks;
    stats->switches = shared->switches;
    stats->host_switches = (uint64_t)__atomic_load_n(&s->ring.switches, __ATOMIC_RELAXED);
    stats->tasks_spawned = shared->spawned;
    stats->tasks_waiting = waiting < living ? waiting : living; /* the two are not read at one instant */
    stats->tasks_ready = living - stats->tasks_waiting;
    stats->tasks_ended = shared->ended;
    stats->timers_armed = shared->timers_armed;
    stats->timers_fired = shared->timers_fired;
    stats->descriptors = shared->descriptors;
    stats->polls = shared->polls;
    stats->sleeps = shared->sleeps;
    queue_statistics(&s->queue, stats);
    stack_statistics(&s->pool, stats);
}

/* each visits the tasks that have not ended: not main, not a parked runner. */
static void each(struct scheduler *s, void (*visit)(struct scheduler *s, struct task *t, void *context), void *context)
{
    for (uint32_t i = 1; i < s->tables[KIND_TASK].used; i++) {
        struct task *t = slot_at(s, KIND_TASK, i);
        if (t->state != TASK_FREE && t->state != TASK_ENDED)
            visit(s, t, context);
    }
}

static void visit_cancel(struct scheduler *s, struct task *t, void *unused)
{
    (void)unused;
    if (t != s->runner)
        cancel(s, t);
}

void native_cancel_all(struct scheduler *s)
{
    each(s, visit_cancel, NULL);
}

struct names {
    int count;
    size_t length;
    char text[320];
};

static void visit_name(struct scheduler *s, struct task *t, void *context)
{
    struct names *names = context;
    if (t == s->runner)
        return;
    names->count++;
    size_t room = sizeof names->text - names->length;
    const char *name = native_name(s, t);
    int length = *name ? snprintf(names->text + names->length, room, " \"%s\"", name)
                       : snprintf(names->text + names->length, room, " task %u", t->index);
    names->length += (size_t)length < room ? (size_t)length : 0; /* one that does not fit is left out */
    names->text[names->length] = 0;
}

int native_abandon(struct scheduler *s)
{
    struct names names = {.count = 0};
    each(s, visit_name, &names);
    if (names.count) {
        char text[384];
        snprintf(text, sizeof text, "%d tasks had not ended at the deadline:%s", names.count, names.text);
        fail_text(0, text);
    }
    return names.count;
}
