/* scheduler.c - the life of a scheduler: create, destroy, and what befalls it: its thread ends, the process forks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "scheduler.h"

#include <pthread.h>
#include <stdio.h>

#include "../../callback/sanitizers.h"
#include "../../system/process.h"
#include "../../system/system.h"
#include "adopted.h"
#include "callbacks.h"
#include "channel.h"
#include "connect.h"
#include "descriptors.h"
#include "host.h"
#include "items.h"
#include "process.h"
#include "signals.h"
#include "jobs.h"
#include "tasks.h"
#include "timer.h"
#include "transfer.h"
#include "wait.h"
#include "watches.h"

_Thread_local struct scheduler *scheduler_current __attribute__((tls_model("initial-exec")));

static pthread_key_t at_thread_exit;
static _Atomic uint32_t orphans; /* schedulers whose thread ended without destroying them */

/* ---- Which scheduler ------------------------------------------------------------------------------------ */

int scheduler_refused(void)
{
    if (process_forked())
        return fail(COTHREAD_EFORKED, "this process was forked after the first cothread_create: only exec and _exit are possible");
    struct scheduler *s = scheduler_current;
    if (!s)
        return fail(COTHREAD_ENOSCHEDULER, "this thread has no scheduler: call cothread_create, or post a callback to the thread that has one");
    char text[384];
    s->tick->fault(s->handles.number, text, sizeof text);
    return fail_text(COTHREAD_EBROKEN, text);
}

bool scheduler_forked(void)
{
    return process_forked();
}

struct scheduler *scheduler_find(cothread_handle handle, int *error)
{
    struct handles *h = handles_find(handle);
    if (__builtin_expect(h && !process_forked(), 1))
        return (struct scheduler *)h;
    if (process_forked())
        *error = scheduler_refused();
    else if (handle_kind(handle) == KIND_SCHEDULER && handles_at(handle))
        *error = fail(COTHREAD_EDEAD, "scheduler %lld was destroyed, or its thread ended", handle);
    else
        *error = fail(COTHREAD_EHANDLE, "handle %lld is no scheduler", handle);
    return NULL;
}

/* ---- The tick half ---------------------------------------------------------------------------------------- */

int scheduler_broke(struct scheduler *s)
{
    s->broken = 1;
    s->handles.usable = false;
    queue_close(&s->queue); /* no callback runs any more: posters, and those that wait for room, are told */
    channels_refuse(s);
    return scheduler_refused();
}

static void drive(struct scheduler *s)
{
    if (s->tick->drive(s->handles.number) < 0)
        scheduler_broke(s);
}

static void call(struct scheduler *s)
{
    if (s->tick->call(s->handles.number) < 0)
        s->shared.call_result = scheduler_broke(s);
}

/* ---- The beginning ---------------------------------------------------------------------------------------- */

/* open makes the task half's part ready; what it leaves behind if it fails, close takes. */
static int open(struct scheduler *s, const cothread_options *options, int waker)
{
    struct shared *shared = &s->shared;
    int error;
    memset(shared, 0, sizeof *shared);
    shared->now_tail = &shared->now_first;
    shared->next_tail = &shared->next_first;
    shared->callback_budget = options->callback_budget ? options->callback_budget : 256;
    shared->timer_slack = options->timer_slack ? options->timer_slack : 1000000;
    shared->tasks = s->handles.tables[KIND_TASK].chunks;
    shared->block_size = sizeof(struct task);
    s->current = s->calling = s->runner = s->idle_runner = NULL;
    s->hand_overs = 0;
    s->running = s->observing = s->beginning = s->broken = s->canaries = s->closing = s->until_idle = 0;
    s->room.first = NULL;
    s->jobs = NULL;
    s->hosted = (options->flags & COTHREAD_HOSTED) != 0;
    s->host_polls = (options->flags & COTHREAD_HOST_POLLS) != 0;
    if (s->hosted && shared->callback_budget > RING_CAPACITY)
        shared->callback_budget = RING_CAPACITY; /* a tick's tokens fit a batch */
    s->default_stack = options->stack_size ? options->stack_size : 65536;
    s->began = system_now();
    s->waker = waker;
    s->error = &errno;
    s->sanitized = sanitizers_present();
    exceptions_open(&s->exceptions, s->sanitized);
    s->tick_drive = drive;
    s->tick_call = call;
    callbacks_open(s);
    shared->due = system_allocate(DUE_CAPACITY, sizeof *shared->due);
    if (stack_pool_open(&s->stacks) < 0 || !shared->due || (s->hosted && host_open(s) < 0))
        return COTHREAD_ENOMEM;
    struct task *main = task_new(s, TASK_MAIN, &error); /* the first, also when hosted: then it stands for no task */
    if (!main)
        return COTHREAD_ENOMEM;
    if (s->hosted)
        slot_hide(main);
    else
        s->current = shared->main = main;
    int rc = queue_open(&s->queue, handle_of_scheduler(&s->handles), options->callback_bound ? options->callback_bound : 65536, waker);
    if (rc < 0)
        return rc;
    handles_publish(&s->handles);
    s->handles.usable = true;
    scheduler_current = s;
    return 0;
}

/* ---- The end ------------------------------------------------------------------------------------------------ */

/* free_objects gives back what objects that were never closed hold. */
static void free_objects(struct scheduler *s)
{
    for (int kind = 0; kind < KIND_TABLES; kind++) {
        const struct table *table = &s->handles.tables[kind];
        for (uint32_t i = table->first; kinds[kind].free && i < table->used; i++)
            kinds[kind].free(s, slot_at(&s->handles, (enum kind)kind, i));
    }
    channel_free_cells(s);
    items_close(s);
    transfers_close(s);
    connects_close(s);
}

static void close(struct scheduler *s)
{
    const struct table *tasks = &s->handles.tables[KIND_TASK];
    atomic_store(&s->handles.owner, 0);
    sanitizers_close(&s->sanitizers);
#ifdef COTHREAD_VALGRIND
    for (uint32_t i = tasks->first; i < tasks->used; i++) /* parked runners, and tasks that were abandoned */
        switch_forget(slot_at(&s->handles, KIND_TASK, i));
#endif
    for (uint32_t i = 0; i << CHUNK_BITS < tasks->used; i++)
        if (s->names[i])
            system_clear(s->names[i], sizeof *s->names[i] << CHUNK_BITS);
    stack_pool_close(&s->stacks);
    system_free(s->shared.due);
    s->shared.due = NULL;
    host_close(s);
    watch_end(s);
    descriptors_close(s);
    if (scheduler_current == s)
        scheduler_current = NULL;
    handles_close(&s->handles);
    process_scheduler_gone();
}

/* release gives back all that a scheduler has. Its queue was closed. */
static void release(struct scheduler *s)
{
    struct queue_item item;
    while (queue_pop(&s->queue, &item))
        ; /* every ticket given out is published: no poster is inside any more */
    atomic_store(&s->handles.owner, 0); /* callers already inside cothread_interrupt are waited for; later ones see 0 */
    queue_retire(&s->queue);
    jobs_end(s);
    channels_forget(s);
    free_objects(s);
    s->tick->release(s->handles.number);
    close(s);
}

/* thread_exits: a thread ends with its scheduler alive. Go may be gone from it already, so only C runs: posts are refused
 * and adopted descriptors, signals, file watches and timers closed from now on, and the next cothread_create gives the rest back. */
static void thread_exits(void *value)
{
    struct scheduler *s = value;
    if (process_forked() || s != scheduler_current)
        return;
    scheduler_current = NULL;
    queue_close(&s->queue);
    channels_refuse(s);
    atomic_store(&s->handles.owner, 0);
    adopted_close_all(s);
    signal_close_all(s);
    watch_close_all(s);
    process_close_all(s);
    jobs_end(s);
    timer_close_all(s);
    atomic_fetch_add(&orphans, 1);
    atomic_store(&s->orphaned, true); /* last: from here on it belongs to the caller of cothread_create */
}

static void release_orphans(void)
{
    for (int64_t number = 1; orphans && number <= SCHEDULER_NUMBERS; number++) {
        struct scheduler *s = (struct scheduler *)handles_at(number << SCHEDULER_SHIFT | 1);
        bool yes = true;
        if (s && atomic_compare_exchange_strong(&s->orphaned, &yes, false)) {
            atomic_fetch_sub(&orphans, 1);
            release(s);
        }
    }
}

static void in_child(void)
{
    process_forget();
    scheduler_current = NULL;
}

__attribute__((constructor)) static void prepare(void)
{
    pthread_atfork(NULL, NULL, in_child);
    pthread_key_create(&at_thread_exit, thread_exits);
}

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

static int not_created(int rc)
{
    switch (rc) {
    case COTHREAD_ENOMEM: return fail(rc, "no memory for a scheduler");
    case COTHREAD_ELIMIT: return fail(rc, "no descriptors are left for another scheduler");
    default: return fail(rc, "the system refuses what a scheduler needs, with errno %lld", errno);
    }
}

static int lacking(int lack)
{
    if (lack == PROCESS_NO_THREAD)
        return fail(COTHREAD_ELIMIT, "the library's threads cannot be made: it needs %lld, and one more for each further scheduler", PROCESS_THREADS);
    if (lack == PROCESS_NO_ADDRESS_SPACE)
        return fail(COTHREAD_ELIMIT, "less than %lld bytes of address space are left: raise RLIMIT_AS (ulimit -v)", PROCESS_ADDRESS_SPACE);
    return fail(COTHREAD_ELIMIT, "this thread's signal stack (sigaltstack) is too small: %lld bytes or more, or none", PROCESS_SIGNAL_STACK);
}

cothread_handle scheduler_create(const cothread_options *options, const struct tick_half *tick)
{
    int error = 0;
    if (scheduler_current)
        return fail(COTHREAD_EEXIST, "this thread has scheduler %lld already", scheduler_current->handles.owner);
    struct process_mask mask;
    int lack = process_start();
    if (lack)
        return lacking(lack);
    process_save_mask(&mask);
    release_orphans();
    struct scheduler *s = (struct scheduler *)handles_open(sizeof *s, &error);
    int rc = 0;
    if (s) {
        s->tick = tick;
        rc = tick->create(s->handles.number, &s->queue, s, (options->flags & COTHREAD_HOST_POLLS) != 0, &errno);
    }
    process_put_mask_back(&mask);
    if (!s) {
        process_scheduler_gone();
        return error;
    }
    if (rc < 0) {
        handles_close(&s->handles);
        process_scheduler_gone();
        return not_created(rc);
    }
    rc = open(s, options, rc);
    if (rc < 0) {
        tick->release(s->handles.number);
        close(s);
        return not_created(rc);
    }
    pthread_setspecific(at_thread_exit, s);
    return s->handles.owner;
}

static void visit_cancel(struct scheduler *s, struct task *t, void *host_tasks)
{
    *(uint64_t *)host_tasks += (t->flags & TASK_HOST) != 0;
    if (t != s->runner)
        wait_cancel(s, t);
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
    char text[128], waits[80] = "";
    if (t->state == TASK_WAITING && t->wait.list && kinds[t->wait.kind].describe) {
        char state[48];
        kinds[t->wait.kind].describe(s, wait_object(&t->wait), state, sizeof state);
        snprintf(waits, sizeof waits, " (waits for %s: %s)", kinds[t->wait.kind].name, state);
    }
    const char *name = task_name(s, t);
    int length = *name ? snprintf(text, sizeof text, " \"%s\"%s", name, waits)
                       : snprintf(text, sizeof text, " task %u%s", t->index, waits);
    if ((size_t)length < sizeof names->text - names->length) { /* one that does not fit is left out */
        memcpy(names->text + names->length, text, (size_t)length + 1);
        names->length += (size_t)length;
    }
}

/* report_rest leaves in last_error which tasks have not ended and how many objects were not closed. Returns how many tasks. */
static int report_rest(struct scheduler *s)
{
    struct names names = {.count = 0};
    char text[720], objects[320] = "";
    size_t length = 0;
    task_each(s, visit_name, &names);
    for (int kind = KIND_TASK + 1; kind < KIND_TABLES; kind++) {
        unsigned long long living = s->handles.tables[kind].living;
        if (living && length < sizeof objects)
            length += (size_t)snprintf(objects + length, sizeof objects - length, "%s %s %llu", length ? "," : "not closed:",
                                       strchr(kinds[kind].name, ' ') + 1, living);
    }
    if (names.count)
        snprintf(text, sizeof text, "%d tasks had not ended at the deadline:%s%s%s", names.count, names.text, length ? "; " : "", objects);
    else
        snprintf(text, sizeof text, "%s", objects);
    if (names.count || length)
        fail_text(0, text);
    return names.count;
}

int scheduler_is_busy(void)
{
    return fail(COTHREAD_EBUSY, "not from inside a task, a callback or an observer: call it on the thread's own stack");
}

int scheduler_destroy(cothread_handle handle, int64_t deadline)
{
    int error;
    struct scheduler *s = scheduler_current;
    if (!s || s->handles.owner != handle) {
        if (scheduler_find(handle, &error))
            return fail(COTHREAD_ETHREAD, "scheduler %lld is another thread's: only that thread can destroy it", handle);
        return fail(s ? COTHREAD_EHANDLE : COTHREAD_ENOSCHEDULER, "handle %lld is no living scheduler", handle);
    }
    if (s->running || s->observing)
        return scheduler_is_busy();
    if (s->hosted && !s->broken)
        host_submit(s); /* what the host said before is not lost */
    s->closing = 1;
    queue_close(&s->queue);
    channels_refuse(s);
    if (!s->broken) {
        uint64_t host_tasks = 0;
        task_each(s, visit_cancel, &host_tasks);
        if (s->tick->drain(s->handles.number, deadline, host_tasks) < 0)
            s->broken = 1;
    }
    int abandoned = report_rest(s);
    pthread_setspecific(at_thread_exit, NULL);
    release(s);
    return abandoned;
}

int scheduler_interrupt(cothread_handle handle)
{
    int error;
    struct scheduler *s = scheduler_find(handle, &error);
    if (!s)
        return error;
    atomic_fetch_add(&s->queue.wakers, 1); /* release waits for us, or we see that it has begun */
    bool living = atomic_load(&s->handles.owner) == handle;
    if (living) {
        happens_before(&s->shared.interrupted);
        atomic_store(&s->shared.interrupted, 1);
        queue_wake(&s->queue);
    }
    atomic_fetch_sub(&s->queue.wakers, 1);
    return living ? 0 : fail(COTHREAD_EDEAD, "scheduler %lld was destroyed, or its thread ended", handle);
}

int scheduler_close(struct scheduler *s, cothread_handle handle)
{
    int error;
    enum kind kind = handle_kind(handle);
    if (handle > 0 && kind == KIND_SCHEDULER)
        return fail(COTHREAD_EHANDLE, "handle %lld is a scheduler: cothread_destroy ends it", handle);
    if (handle <= 0 || kind >= KIND_TABLES)
        return handle_error(&s->handles, KIND_EVENT, handle);
    void *object = handle_object(&s->handles, kind, handle, &error);
    return object ? kinds[kind].close(s, object, handle) : error;
}

int scheduler_statistics(cothread_handle handle, cothread_stats *stats)
{
    int error;
    struct scheduler *s = scheduler_find(handle, &error);
    if (!s)
        return error;
    const struct shared *shared = &s->shared;
    const struct table *tables = s->handles.tables;
    uint64_t living = shared->living, waiting = shared->waiting;
    memset(stats, 0, sizeof *stats);
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
    stats->events = tables[KIND_EVENT].living;
    stats->channels = tables[KIND_CHANNEL].living;
    stats->mutexes = tables[KIND_MUTEX].living;
    stats->semaphores = tables[KIND_SEMAPHORE].living;
    stats->groups = tables[KIND_GROUP].living;
    stats->adopted = tables[KIND_ADOPTED].living;
    stats->mailboxes = tables[KIND_MAILBOX].living;
    stats->timers = tables[KIND_TIMER].living;
    stats->signals = tables[KIND_SIGNAL].living;
    stats->watches = tables[KIND_WATCH].living;
    stats->processes = tables[KIND_PROCESS].living;
    stats->pools = tables[KIND_POOL].living;
    stats->jobs = tables[KIND_JOB].living;
    stats->connections = tables[KIND_CONNECTION].living;
    queue_statistics(&s->queue, stats);
    stack_statistics(&s->stacks, stats);
    return scheduler_find(handle, &error) ? 0 : error; /* it may have ended meanwhile, and another one begun */
}
