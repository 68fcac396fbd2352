/* cothread.c - the public names. Each checks who calls and what was passed, and hands on to the task half
 * (runtime/native), the queue (callback) or, on the thread's own stack, the tick half in Go.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#define COTHREAD_API __attribute__((visibility("default")))
#include "../runtime/native/native.h"
#include "tick.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Atomic bool forked;
static pthread_key_t at_thread_exit;
static _Atomic uint32_t orphans; /* schedulers whose thread ended without destroying them */

/* ---- Who calls --------------------------------------------------------------------------------------- */

static __attribute__((cold)) int refused(void)
{
    if (forked)
        return fail(COTHREAD_EFORKED, "this process was forked after the library was loaded: only exec and _exit are possible");
    if (!native_current)
        return fail(COTHREAD_ENOSCHEDULER, "this thread has no scheduler: call cothread_create, or post a callback to the thread that has one");
    char text[384];
    tickFault(native_current->number, text, sizeof text);
    return fail_text(COTHREAD_EBROKEN, text);
}

/* ENTER names the calling thread's scheduler `s`, or leaves the function with the reason why there is none. After
 * fork native_current is NULL in the child, so this one test covers it. */
#define ENTER(s)                                                \
    struct scheduler *s = native_current;                       \
    if (__builtin_expect(!s || s->broken, 0))                   \
    return refused()

/* A public call that waits; on amd64 returns_amd64.S stands in front of it. */
#ifdef __x86_64__
#define SUSPENDING(name) name##_
__thread void *returns_to __attribute__((tls_model("initial-exec"))); /* where the last such call will return to */
#else
#define SUSPENDING(name) COTHREAD_API name
#endif

#define REQUIRE(condition, ...)                                 \
    if (__builtin_expect(!(condition), 0))                      \
    return fail(COTHREAD_EINVAL, __VA_ARGS__)

#define ALIGNED(pointer) (((uintptr_t)(pointer) & (sizeof(void *) - 1)) == 0)
#define OWN_STACK(s)                                            \
    if (__builtin_expect((s)->running, 0))                      \
    return fail(COTHREAD_EBUSY, "not from inside a task or a callback: call it on the thread's own stack")
#define HOSTED(s)                                               \
    if (__builtin_expect(!(s)->hosted, 0))                      \
    return fail(COTHREAD_EHOSTED, "this scheduler is self-driven: create it with COTHREAD_HOSTED")

/* known_part copies a struct that the caller fills: what a shorter one of an older header lacks is 0, and what a longer one
 * of a newer header has must be. Each begins with its size. */
static int known_part(void *known, uint32_t size, uint32_t least /* size in the first header of this ABI */, const void *given, const char *name)
{
    uint32_t given_size = *(const uint32_t *)given;
    char text[160];
    if (given_size < least || given_size > 4096 || given_size % 4) {
        snprintf(text, sizeof text, "%s.size is %u: set it to sizeof(cothread_%s)", name, given_size, name);
        return fail_text(COTHREAD_EINVAL, text);
    }
    for (uint32_t i = size; i < given_size; i++)
        if (((const char *)given)[i]) {
            snprintf(text, sizeof text, "%s has a field at byte %u that this library does not know, and it is not 0", name, i);
            return fail_text(COTHREAD_EINVAL, text);
        }
    memset(known, 0, size);
    memcpy(known, given, given_size < size ? given_size : size);
    return 0;
}

static void in_child(void)
{
    forked = true;
    native_current = NULL;
}

/* The thread ends with its scheduler alive. Go may be gone from this thread already, so only C runs: posts are refused from
 * now on, and the next cothread_create gives the rest back. */
static void thread_exits(void *value)
{
    struct scheduler *s = value;
    if (forked || s != native_current)
        return;
    native_current = NULL;
    queue_close(&s->queue);
    atomic_store(&s->handle, 0);
    atomic_fetch_add(&orphans, 1);
    atomic_store(&s->orphaned, true); /* last: from here on it is that of whoever calls cothread_create */
}

static void release(struct scheduler *s)
{
    struct queue_item item;
    while (queue_pop(&s->queue, &item))
        ; /* every ticket given out is published: nobody is inside any more */
    atomic_store(&s->handle, 0); /* who is in cothread_interrupt is waited for, who comes now sees this */
    queue_retire(&s->queue);
    mailboxes_close(s);
    native_close_adopted(s);
    tickRelease(s->number);
    native_stop(s);
}

static void release_orphans(void)
{
    for (uint32_t number = 1; orphans && number <= SCHEDULERS; number++) {
        struct scheduler *s = scheduler_at((int64_t)number << 53 | 1);
        bool yes = true;
        if (s && atomic_compare_exchange_strong(&s->orphaned, &yes, false)) {
            atomic_fetch_sub(&orphans, 1);
            release(s);
        }
    }
}

__attribute__((constructor)) static void prepare(void)
{
    pthread_atfork(NULL, NULL, in_child);
    pthread_key_create(&at_thread_exit, thread_exits);
}

/* find names the living scheduler of a handle, for calls from any thread. */
static struct scheduler *find(cothread_handle scheduler, int *error)
{
    struct scheduler *s = scheduler_find(scheduler);
    if (__builtin_expect(forked, 0))
        *error = refused(), s = NULL;
    else if (__builtin_expect(!s, 0)) {
        if (kind_in(scheduler) == KIND_SCHEDULER && scheduler_at(scheduler))
            *error = fail(COTHREAD_EDEAD, "scheduler %lld was destroyed, or its thread ended", scheduler);
        else
            *error = fail(COTHREAD_EHANDLE, "handle %lld is no scheduler", scheduler);
    }
    return s;
}

/* ---- Version, errors, time ------------------------------------------------------------------------------- */

COTHREAD_API const char *cothread_version(void)
{
    return COTHREAD_VERSION;
}

COTHREAD_API int cothread_abi(void)
{
    return COTHREAD_ABI;
}

COTHREAD_API const char *cothread_strerror(int code)
{
    return native_strerror(code);
}

COTHREAD_API const char *cothread_last_error(void)
{
    return native_last_error();
}

COTHREAD_API int64_t cothread_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * COTHREAD_SECOND + now.tv_nsec;
}

COTHREAD_API int64_t cothread_after(int64_t ns)
{
    int64_t deadline;
    if (__builtin_add_overflow(cothread_now(), ns, &deadline))
        return COTHREAD_FOREVER; /* now is positive, so only upwards */
    return deadline == COTHREAD_NOW ? COTHREAD_NOW + 1 : deadline;
}

/* ---- Scheduler --------------------------------------------------------------------------------------------- */

/* broke keeps the text of an internal fault, and every call answers COTHREAD_EBROKEN from now on. */
static __attribute__((cold)) int broke(struct scheduler *s)
{
    s->broken = 1;
    queue_close(&s->queue); /* nobody runs callbacks any more: who posts, or waits for room, is told */
    return refused();
}

static void drive(struct scheduler *s)
{
    if (tickDrive(s->number) < 0)
        broke(s);
}

static void call(struct scheduler *s)
{
    if (tickCall(s->number) < 0)
        s->shared.call_result = broke(s);
}

COTHREAD_API cothread_handle cothread_create(const cothread_options *options)
{
    static const cothread_options defaults = {.size = sizeof defaults};
    int rc;
    if (forked)
        return refused();
    if (native_current)
        return fail(COTHREAD_EEXIST, "this thread has scheduler %lld already", native_current->handle);
    cothread_options known;
    REQUIRE(((uintptr_t)options & 3) == 0, "options is not aligned: %lld", (uintptr_t)options);
    if (!options)
        options = &defaults;
    else if ((rc = known_part(&known, sizeof known, 24, options, "options")) < 0)
        return rc;
    else
        options = &known;
    REQUIRE(!(options->flags & ~(COTHREAD_HOSTED | COTHREAD_HOST_POLLS)), "options.flags has unknown bits: %lld", options->flags);
    REQUIRE(options->flags != COTHREAD_HOST_POLLS, "options.flags: COTHREAD_HOST_POLLS goes with COTHREAD_HOSTED");
    REQUIRE(options->stack_size == 0 || (options->stack_size >= 16384 && options->stack_size <= 1u << STACK_LARGEST_CLASS),
            "options.stack_size is %lld: 0, or 16384 to 1 GiB", options->stack_size);
    REQUIRE(options->callback_bound <= 1u << 20, "options.callback_bound is %lld: at most 1048576", options->callback_bound);
    REQUIRE(options->callback_budget <= 1u << 20, "options.callback_budget is %lld: at most 1048576", options->callback_budget);
    REQUIRE(options->timer_slack <= 1000000000, "options.timer_slack is %lld: at most 1000000000 ns", options->timer_slack);

    int error = 0;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    release_orphans();
    struct scheduler *s = scheduler_open(&error);
    rc = !s ? error : tickCreate(s->number, &s->queue, s, (options->flags & COTHREAD_HOST_POLLS) != 0);
    /* Go's first call on a thread opens SIGCHLD, SIGPROF and others for good. Only SIGURG has to stay open: blocked, a
     * collection waits 4 - 99 ms for this thread instead of 0.05. */
    sigdelset(&mask, SIGURG);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (!s)
        return error;
    if (rc < 0) {
        scheduler_close(s);
        return fail(rc, rc == COTHREAD_ENOMEM ? "no memory for a scheduler" : "no descriptors are left for another scheduler");
    }
    s->tick = (struct tick_half){drive, call};
    rc = native_start(s, options, rc);
    if (rc < 0) {
        tickRelease(s->number);
        native_stop(s);
        return fail(rc, "no memory for a scheduler");
    }
    pthread_setspecific(at_thread_exit, s);
    return s->handle;
}

COTHREAD_API int cothread_destroy(cothread_handle handle, int64_t deadline)
{
    if (forked)
        return refused();
    struct scheduler *s = native_current;
    if (!s || s->handle != handle) {
        if (scheduler_find(handle))
            return fail(COTHREAD_ETHREAD, "scheduler %lld is another thread's: only that thread can destroy it", handle);
        return fail(s ? COTHREAD_EHANDLE : COTHREAD_ENOSCHEDULER, "handle %lld is no living scheduler", handle);
    }
    OWN_STACK(s);
    if (s->hosted && !s->broken)
        native_submit(s); /* what the host said before is not lost */
    s->closing = 1;
    queue_close(&s->queue);
    if (!s->broken) {
        native_cancel_all(s);
        if (tickDrain(s->number, deadline) < 0)
            s->broken = 1;
    }
    int abandoned = native_abandon(s);
    pthread_setspecific(at_thread_exit, NULL);
    release(s);
    return abandoned;
}

COTHREAD_API cothread_handle cothread_current(void)
{
    ENTER(s);
    return s->handle;
}

COTHREAD_API int cothread_run(int64_t deadline)
{
    ENTER(s);
    OWN_STACK(s);
    if (s->hosted)
        return fail(COTHREAD_EHOSTED, "this scheduler is hosted: call cothread_poll_scheduler");
    return native_until_idle(s, deadline);
}

COTHREAD_API int cothread_interrupt(cothread_handle scheduler)
{
    int error;
    struct scheduler *s = find(scheduler, &error);
    if (!s)
        return error;
    atomic_fetch_add(&s->queue.wakers, 1); /* release waits for us, or we see that it has begun */
    bool living = atomic_load(&s->handle) == scheduler;
    if (living) {
        atomic_store(&s->shared.interrupted, 1);
        queue_wake(&s->queue);
    }
    atomic_fetch_sub(&s->queue.wakers, 1);
    return living ? 0 : fail(COTHREAD_EDEAD, "scheduler %lld was destroyed, or its thread ended", scheduler);
}

/* ---- Tasks ------------------------------------------------------------------------------------------------- */

COTHREAD_API cothread_handle cothread_spawn(cothread_function function, void *argument, const cothread_task_options *options)
{
    ENTER(s);
    REQUIRE(function, "function is NULL");
    cothread_task_options known;
    if (options) {
        REQUIRE(ALIGNED(options), "options is not aligned: %lld", (uintptr_t)options);
        int rc = known_part(&known, sizeof known, 24, options, "task_options");
        if (rc < 0)
            return rc;
        options = &known;
        REQUIRE(!(options->flags & ~COTHREAD_DETACHED), "options.flags has unknown bits: %lld", options->flags);
        REQUIRE(options->reserved == 0, "options.reserved is %lld: it must be 0", options->reserved);
        REQUIRE(options->stack_size == 0 || (options->stack_size >= 16384 && options->stack_size <= 1u << STACK_LARGEST_CLASS),
                "options.stack_size is %lld: 0, or 16384 to 1 GiB", options->stack_size);
    }
    if (s->closing)
        return fail(COTHREAD_EDEAD, "the scheduler is being destroyed");
    return native_spawn(s, function, argument, options);
}

int SUSPENDING(cothread_join)(cothread_handle task, void **result, int64_t deadline)
{
    ENTER(s);
    REQUIRE(ALIGNED(result), "result is not aligned: %lld", (uintptr_t)result);
    return native_join(s, task, result, deadline);
}

COTHREAD_API int cothread_detach(cothread_handle task)
{
    ENTER(s);
    return native_detach(s, task);
}

COTHREAD_API int cothread_cancel(cothread_handle task)
{
    ENTER(s);
    return native_cancel(s, task);
}

COTHREAD_API cothread_handle cothread_self(void)
{
    ENTER(s);
    if (!s->current)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack is no task");
    return handle_of(s, KIND_TASK, s->current);
}

int SUSPENDING(cothread_yield)(void)
{
    ENTER(s);
    return native_yield(s);
}

int SUSPENDING(cothread_sleep_until)(int64_t deadline)
{
    ENTER(s);
    return native_sleep(s, deadline);
}

int SUSPENDING(cothread_sleep)(int64_t ns)
{
    ENTER(s);
    return native_sleep(s, ns <= 0 ? COTHREAD_NOW : cothread_after(ns));
}

COTHREAD_API int cothread_shield(int on)
{
    ENTER(s);
    REQUIRE(on == 0 || on == 1, "on is %lld: 0 or 1", on);
    return native_shield(s, on);
}

int SUSPENDING(cothread_wait_until)(int64_t deadline)
{
    ENTER(s);
    return native_wait_until(s, deadline);
}

COTHREAD_API int cothread_wakeup(cothread_handle task)
{
    ENTER(s);
    return native_wakeup(s, task);
}

/* ---- What tasks share ---------------------------------------------------------------------------------------- */

COTHREAD_API int cothread_close(cothread_handle object)
{
    ENTER(s);
    return native_close(s, object);
}

COTHREAD_API cothread_handle cothread_event_create(uint32_t flags)
{
    ENTER(s);
    REQUIRE(!(flags & ~COTHREAD_MANUAL_RESET), "flags has unknown bits: %lld", flags);
    return native_event_create(s, flags);
}

COTHREAD_API int cothread_event_signal(cothread_handle event, void *value)
{
    ENTER(s);
    return native_event_signal(s, event, value);
}

int SUSPENDING(cothread_event_wait)(cothread_handle event, void **value, int64_t deadline)
{
    ENTER(s);
    REQUIRE(ALIGNED(value), "value is not aligned: %lld", (uintptr_t)value);
    return native_event_wait(s, event, value, deadline);
}

COTHREAD_API int cothread_event_reset(cothread_handle event)
{
    ENTER(s);
    return native_event_reset(s, event);
}

COTHREAD_API cothread_handle cothread_channel_create(size_t element_size, size_t capacity, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    REQUIRE(element_size <= 65536, "element_size is %lld: at most 65536", element_size);
    REQUIRE(capacity <= 1u << 24 && element_size * capacity <= 1u << 30,
            "capacity is %lld: at most 16777216, and 1 GiB in all", capacity);
    return native_channel_create(s, element_size, capacity);
}

int SUSPENDING(cothread_channel_send)(cothread_handle channel, const void *element, int64_t deadline)
{
    ENTER(s);
    return native_channel_send(s, channel, element, deadline);
}

int SUSPENDING(cothread_channel_receive)(cothread_handle channel, void *element, int64_t deadline)
{
    ENTER(s);
    return native_channel_receive(s, channel, element, deadline);
}

COTHREAD_API int cothread_channel_done(cothread_handle channel)
{
    ENTER(s);
    return native_channel_done(s, channel);
}

COTHREAD_API cothread_handle cothread_mutex_create(uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    return native_mutex_create(s);
}

int SUSPENDING(cothread_mutex_lock)(cothread_handle mutex, int64_t deadline)
{
    ENTER(s);
    return native_mutex_lock(s, mutex, deadline);
}

COTHREAD_API int cothread_mutex_unlock(cothread_handle mutex)
{
    ENTER(s);
    return native_mutex_unlock(s, mutex);
}

COTHREAD_API cothread_handle cothread_semaphore_create(uint32_t units, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    REQUIRE(units <= INT32_MAX, "units is %lld: at most 2147483647", units);
    return native_semaphore_create(s, units);
}

int SUSPENDING(cothread_semaphore_acquire)(cothread_handle semaphore, int64_t deadline)
{
    ENTER(s);
    return native_semaphore_acquire(s, semaphore, deadline);
}

COTHREAD_API int cothread_semaphore_release(cothread_handle semaphore, uint32_t units)
{
    ENTER(s);
    return native_semaphore_release(s, semaphore, units);
}

COTHREAD_API cothread_handle cothread_group_create(uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    return native_group_create(s);
}

COTHREAD_API int cothread_group_add(cothread_handle group, cothread_handle task)
{
    ENTER(s);
    return native_group_add(s, group, task);
}

int SUSPENDING(cothread_group_wait)(cothread_handle group, uint32_t count, int64_t deadline)
{
    ENTER(s);
    return native_group_wait(s, group, count, deadline);
}

COTHREAD_API int cothread_group_cancel(cothread_handle group)
{
    ENTER(s);
    return native_group_cancel(s, group);
}

/* ---- Readiness ------------------------------------------------------------------------------------------------ */

int SUSPENDING(cothread_wait_fd)(int fd, uint32_t events, int64_t deadline)
{
    ENTER(s);
    REQUIRE(events && !(events & ~WAITABLE), "events is %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP and nothing else", events);
    return native_wait_fd(s, fd, events, deadline);
}

COTHREAD_API int cothread_wake_fd(int fd)
{
    ENTER(s);
    return native_wake_fd(s, fd);
}

COTHREAD_API cothread_handle cothread_adopt(int fd, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    return native_adopt(s, fd);
}

COTHREAD_API int cothread_release(cothread_handle adopted)
{
    ENTER(s);
    return native_release(s, adopted, false);
}

COTHREAD_API int cothread_descriptor(cothread_handle adopted)
{
    ENTER(s);
    return native_descriptor(s, adopted);
}

int SUSPENDING(cothread_wait_ready)(cothread_handle adopted, uint32_t events, int64_t deadline)
{
    ENTER(s);
    REQUIRE(events && !(events & ~WAITABLE), "events is %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP and nothing else", events);
    return native_wait_ready(s, adopted, events, deadline);
}

int64_t SUSPENDING(cothread_read)(cothread_handle adopted, void *buffer, size_t size, int64_t deadline)
{
    ENTER(s);
    REQUIRE(buffer, "buffer is NULL");
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    return native_read(s, adopted, buffer, size, deadline);
}

int64_t SUSPENDING(cothread_write)(cothread_handle adopted, const void *data, size_t size, int64_t deadline)
{
    ENTER(s);
    REQUIRE(data, "data is NULL");
    REQUIRE(size && size <= SSIZE_MAX, "size is %lld: 1 or more", size);
    return native_write(s, adopted, data, size, deadline);
}

cothread_handle SUSPENDING(cothread_accept)(cothread_handle listener, int64_t deadline)
{
    ENTER(s);
    return native_accept(s, listener, deadline);
}

/* ---- Callbacks -------------------------------------------------------------------------------------------------- */

COTHREAD_API int cothread_post(cothread_handle scheduler, cothread_callback callback, void *argument, int64_t deadline)
{
    int error;
    struct scheduler *s = find(scheduler, &error);
    if (!s)
        return error;
    REQUIRE(callback || s->hosted, "callback is NULL: only a hosted scheduler hands tokens to its host");
    int rc;
    if (deadline == COTHREAD_NOW)
        rc = queue_post(&s->queue, scheduler, callback, argument);
    else if (s == native_current)
        return native_post_wait(s, callback, argument, deadline);
    else
        rc = queue_post_wait(&s->queue, scheduler, callback, argument, deadline);
    if (__builtin_expect(rc < 0, 0)) {
        if (rc == COTHREAD_EFULL)
            return fail(rc, "the callback queue is full: wait with a deadline, or raise callback_bound");
        if (rc == COTHREAD_ETIMEDOUT)
            return fail(rc, "the callback queue was still full at the deadline");
        return fail(rc, "scheduler %lld is being destroyed", scheduler);
    }
    return rc;
}

COTHREAD_API cothread_handle cothread_mailbox_create(cothread_callback callback, uint64_t token, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    REQUIRE(callback || s->hosted, "callback is NULL: only a hosted scheduler hands tokens to its host");
    return mailbox_create(s, callback, token);
}

COTHREAD_API int cothread_mailbox_post(cothread_handle mailbox, void *value, void **replaced)
{
    if (forked)
        return refused();
    REQUIRE(ALIGNED(replaced), "replaced is not aligned: %lld", (uintptr_t)replaced);
    return mailbox_post_value(mailbox, value, replaced);
}

/* ---- Embedding ---------------------------------------------------------------------------------------------------- */

COTHREAD_API int cothread_poll_scheduler(int64_t deadline)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    int rc = native_submit(s);
    if (rc < 0)
        return rc;
    if (tickPoll(s->number, deadline) < 0)
        return broke(s);
    return native_batch(s);
}

COTHREAD_API int cothread_submit(void)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    int rc = native_submit(s);
    if (rc >= 0 && tickSettle(s->number) < 0)
        return broke(s);
    return rc;
}

COTHREAD_API int cothread_poll_fd(void)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    if (s->host_polls)
        return fail(COTHREAD_EHOSTED, "this scheduler was created with COTHREAD_HOST_POLLS: use cothread_poll_list");
    int rc = tickPollFD(s->number);
    return rc < 0 ? fail(rc, "no descriptor is left for the scheduler's timer") : rc;
}

COTHREAD_API int cothread_next_deadline(int64_t *deadline)
{
    ENTER(s);
    OWN_STACK(s);
    HOSTED(s);
    REQUIRE(deadline && ALIGNED(deadline), "deadline is NULL or not aligned: %lld", (uintptr_t)deadline);
    *deadline = tickNextDeadline(s->number);
    return 0;
}

COTHREAD_API int cothread_poll_list(cothread_pollfd *list, int capacity)
{
    ENTER(s);
    OWN_STACK(s);
    if (!s->host_polls)
        return fail(COTHREAD_EHOSTED, "this scheduler was not created with COTHREAD_HOST_POLLS");
    REQUIRE(capacity >= 0, "capacity is %lld", capacity);
    REQUIRE((list || capacity == 0) && ((uintptr_t)list & 3) == 0, "list is NULL or not aligned: %lld", (uintptr_t)list);
    return tickPollList(s->number, list, capacity);
}

COTHREAD_API int cothread_poll_deliver(const cothread_pollfd *list, int count)
{
    ENTER(s);
    OWN_STACK(s);
    if (!s->host_polls)
        return fail(COTHREAD_EHOSTED, "this scheduler was not created with COTHREAD_HOST_POLLS");
    REQUIRE(count >= 0, "count is %lld", count);
    REQUIRE((list || count == 0) && ((uintptr_t)list & 3) == 0, "list is NULL or not aligned: %lld", (uintptr_t)list);
    return tickPollDeliver(s->number, (void *)(uintptr_t)list, count);
}

COTHREAD_API cothread_ring *cothread_host_ring(void)
{
    struct scheduler *s = native_current;
    if (!s || s->broken) {
        refused();
        return NULL;
    }
    if (!s->hosted) {
        fail(COTHREAD_EHOSTED, "this scheduler is self-driven: create it with COTHREAD_HOSTED");
        return NULL;
    }
    return &s->ring;
}

COTHREAD_API cothread_handle cothread_host_create(uint64_t token, const char *name, uint32_t flags)
{
    ENTER(s);
    REQUIRE(!flags, "flags has unknown bits: %lld", flags);
    HOSTED(s);
    return native_host_create(s, token, name);
}

/* ---- Statistics ------------------------------------------------------------------------------------------------------ */

COTHREAD_API int cothread_statistics(cothread_handle scheduler, cothread_stats *stats)
{
    int error;
    REQUIRE(stats && ALIGNED(stats), "stats is NULL or not aligned: %lld", (uintptr_t)stats);
    uint32_t size = stats->size;
    REQUIRE(size >= 8 && size <= 4096, "stats.size is %lld: set it to sizeof(cothread_stats), %lld", size, sizeof *stats);
    struct scheduler *s = find(scheduler, &error);
    if (!s)
        return error;
    cothread_stats now;
    native_statistics(s, &now);
    now.size = size;
    memset(stats, 0, size);
    memcpy(stats, &now, size < sizeof now ? size : sizeof now);
    return find(scheduler, &error) ? 0 : error; /* it may have ended meanwhile, and another one begun */
}
