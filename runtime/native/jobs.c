/* jobs.c - calls on threads of pools, and the tasks that wait for them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * WHOSE A JOB IS
 * A job's memory (struct job: the call, and copies of what it uses) is shared by the scheduler and the thread that makes the
 * call; `state` says who frees it. Both change it only by compare-and-swap:
 *
 *   QUEUED   -> CALLED     the thread: it makes the call
 *   CALLED   -> DONE       the thread: the result is there, and the job the scheduler's; it comes by the list `done`
 *   QUEUED,
 *   CALLED   -> ABANDONED  the scheduler: the job is the thread's, which drops the result and frees it
 *
 * So a job that is abandoned before its call began is never called, although a thread has it. A scheduler ends without waiting
 * for any thread: what is left to threads holds the pool, and struct jobs, by which they find out that nobody is there.
 *
 * HOW A THREAD TELLS
 * It puts the job onto `done`, and then sets shared.arrived and wakes the scheduler, unless arrived was set already: then the
 * one who set it wakes. A tick clears arrived and then takes the list; and the scheduler looks at arrived after it has
 * announced that it will sleep (queue.h, SLEEPING). So nothing is left lying, and many jobs cost one wake. */
#include "jobs.h"

#include <stdio.h>

#include "../../callback/sanitizers.h"
#include "../../jobs/pool.h"
#include "../../system/system.h"
#include "wait.h"

/* What a scheduler and the threads of its pools share. */
struct jobs {
    struct scheduler *scheduler; /* its memory stays; whether it is still the same one its handle tells */
    cothread_handle owner;
    struct job *_Atomic done; /* the last one first; CLOSED: the scheduler is gone */
    _Atomic bool room;        /* a full pool has room again */
    _Atomic uint32_t holders; /* the scheduler, and each job that a thread has or will have */
};

enum { INTEGERS = 6, DOUBLES = 8 };

enum job_state { JOB_QUEUED, JOB_CALLED, JOB_DONE, JOB_ABANDONED };

struct job {
    struct pool_work work;
    struct jobs *jobs;
    struct pool *pool;         /* held */
    struct job_object *object; /* the scheduler's; NULL: nobody waits for it any more */
    struct job *next;          /* in `done` */
    _Atomic uint32_t state;
    bool called;      /* the thread's until it is DONE */
    bool owns_memory;
    bool queued;      /* it was put into the pool */
    bool result_is_size;
    uint8_t type;     /* of the result */
    uint8_t count;
    int32_t error;
    cothread_value result;
    cothread_job_function function;
    cothread_job_drop drop;
    int64_t integers[INTEGERS];
    double doubles[DOUBLES];
    struct {
        uint32_t type, size;
    } arguments[INTEGERS + DOUBLES];
    _Alignas(16) char copies[]; /* of what is behind pointers, each from an address that is a multiple of 16 */
};

static struct job closed;
#define CLOSED (&closed)

struct job_object {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list waiters;
    struct job *job; /* NULL: a free slot */
    bool finished;
    bool taken;      /* the result was, by cothread_job_result: a wait only looks */
};
_Static_assert(sizeof(struct job_object) <= 64, "a job fits its slot");

struct pool_object {
    uint32_t index, generation;
    struct slot *next_free;
    struct pool *pool; /* NULL: a free slot */
    struct wait_list room; /* each wait's value is the job that it will put in */
    uint64_t refused;
};
_Static_assert(sizeof(struct pool_object) <= 64, "a pool fits its slot");

static size_t padded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

/* ---- On a thread of a pool ------------------------------------------------------------------------------- */

static void release(struct jobs *jobs)
{
    happens_before(jobs);
    if (atomic_fetch_sub(&jobs->holders, 1) != 1)
        return;
    happens_after(jobs);
    system_free(jobs);
}

static void free_job(struct job *job)
{
    pool_release(job->pool);
    system_free(job);
}

/* call fills the registers of both kinds. On amd64 (System V) and arm64 (AAPCS64) integers and pointers are numbered apart
 * from doubles, so a function finds its arguments in whichever order it mixes them; and registers that it has no argument
 * for hold what it may destroy. A call of a variadic type is right for every function: on amd64 it also says in `al` how many
 * doubles there are, which only variadic functions look at; on arm64 Linux both kinds of call are the same. */
#define CALL(result)                                                                                                        \
    ((result(*)(int64_t, ...))job->function)(i[0], i[1], i[2], i[3], i[4], i[5], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7])

static void call(struct job *job)
{
    const int64_t *i = job->integers;
    const double *d = job->doubles;
    errno = 0;
    if (job->type == COTHREAD_TYPE_DOUBLE)
        job->result.number = CALL(double);
    else
        job->result.integer = CALL(int64_t);
    job->error = errno;
    if (job->type == COTHREAD_TYPE_INT)
        job->result.integer = (int)job->result.integer; /* the rest of the register is not the function's */
    else if (job->type == COTHREAD_TYPE_VOID)
        job->result.integer = 0;
}

static void drop(struct job *job)
{
    if (job->called && job->drop)
        job->drop(job->result.integer);
    free_job(job);
}

/* tell wakes the scheduler, if it is still there. */
static void tell(struct jobs *jobs)
{
    struct scheduler *s = jobs->scheduler;
    atomic_fetch_add(&s->queue.wakers, 1); /* scheduler.c's release waits for us, or we see that it has begun */
    if (atomic_load(&s->handles.owner) == jobs->owner && !atomic_exchange(&s->shared.arrived, 1))
        queue_wake(&s->queue);
    atomic_fetch_sub(&s->queue.wakers, 1);
}

static void deliver(struct jobs *jobs, struct job *job)
{
    struct job *last = atomic_load(&jobs->done);
    happens_before(jobs);
    do {
        if (last == CLOSED) {
            drop(job);
            return;
        }
        job->next = last;
    } while (!atomic_compare_exchange_weak(&jobs->done, &last, job));
    tell(jobs);
}

static bool change(struct job *job, enum job_state from, enum job_state to)
{
    uint32_t expected = from;
    return atomic_compare_exchange_strong(&job->state, &expected, to);
}

static void run(struct pool_work *work)
{
    struct job *job = (struct job *)work;
    struct jobs *jobs = job->jobs;
    if (change(job, JOB_QUEUED, JOB_CALLED)) {
        call(job);
        job->called = true;
    }
    if (change(job, JOB_CALLED, JOB_DONE))
        deliver(jobs, job);
    else
        drop(job);
    release(jobs);
}

static void room(struct pool_work *taken)
{
    struct jobs *jobs = ((struct job *)taken)->jobs;
    atomic_store(&jobs->room, true);
    tell(jobs);
}

/* ---- Pools ------------------------------------------------------------------------------------------------ */

static struct jobs *jobs_of(struct scheduler *s)
{
    if (!s->jobs && (s->jobs = system_allocate(1, sizeof *s->jobs)) != NULL) {
        s->jobs->scheduler = s;
        s->jobs->owner = s->handles.owner;
        s->jobs->holders = 1;
    }
    return s->jobs;
}

/* open makes the pool of a slot; without memory the slot stays free. */
static int open(struct scheduler *s, struct pool_object *object, const cothread_pool_options *options)
{
    struct pool_settings settings = {
        .threads = options->threads ? options->threads : 16,
        .bound = options->bound ? options->bound : 1024,
        .stack_size = options->stack_size ? options->stack_size : 1 << 20,
        .room = room,
    };
    object->room.first = NULL;
    object->refused = 0;
    object->pool = jobs_of(s) ? pool_open(&settings) : NULL;
    return object->pool ? 0 : fail(COTHREAD_ENOMEM, "no memory for a pool");
}

cothread_handle pool_create(struct scheduler *s, const cothread_pool_options *options)
{
    int error;
    struct pool_object *object = object_allocate(&s->handles, KIND_POOL, &error);
    if (!object)
        return error;
    if ((error = open(s, object, options)) < 0) {
        object_free(&s->handles, KIND_POOL, object);
        return error;
    }
    return handle_of(&s->handles, KIND_POOL, object);
}

/* own_pool returns a pool that the scheduler has for itself. No handle names it, and it does not count as an object. */
static struct pool_object *own_pool(struct scheduler *s, enum own_pool which, int *error)
{
    static const cothread_pool_options options;
    struct pool_object *object = s->own_pools[which];
    if (object)
        return object;
    object = slot_allocate(&s->handles, KIND_POOL);
    if (!object) {
        *error = slot_refused(&s->handles, KIND_POOL);
        return NULL;
    }
    if ((*error = open(s, object, &options)) < 0) {
        slot_free(&s->handles, KIND_POOL, object);
        return NULL;
    }
    slot_hide(object);
    return s->own_pools[which] = object;
}

static struct pool_object *find_pool(struct scheduler *s, cothread_handle handle, enum own_pool own, int *error)
{
    return handle == 0 ? own_pool(s, own, error) : handle_object(&s->handles, KIND_POOL, handle, error);
}

int pool_copy_statistics(struct scheduler *s, cothread_handle handle, cothread_pool_stats *stats)
{
    int error;
    struct pool_object *object = find_pool(s, handle, OWN_POOL_DEFAULT, &error);
    if (!object)
        return error;
    pool_statistics(object->pool, stats);
    stats->refused = object->refused;
    return 0;
}

int pool_close_object(struct scheduler *s, void *closing, cothread_handle handle)
{
    (void)handle;
    struct pool_object *object = closing;
    wait_end_all(s, &object->room, COTHREAD_ECLOSED);
    pool_close(object->pool);
    object->pool = NULL;
    object_free(&s->handles, KIND_POOL, object);
    return 0;
}

void pool_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    cothread_pool_stats stats;
    pool_statistics(((const struct pool_object *)object)->pool, &stats);
    snprintf(text, size, "%llu jobs wait for %u threads", (unsigned long long)stats.depth, stats.threads);
}

/* ---- What is to be called ----------------------------------------------------------------------------------- */

static bool copies(uint32_t type)
{
    return type >= COTHREAD_TYPE_IN && type <= COTHREAD_TYPE_IN_OUT;
}

int job_check(const cothread_job *job)
{
    uint64_t integers = 0, doubles = 0, bytes = 0;
    if (job->flags & ~COTHREAD_OWNS_MEMORY)
        return fail(COTHREAD_EINVAL, "job.flags has unknown bits: %lld", job->flags);
    if (!job->function)
        return fail(COTHREAD_EINVAL, "job.function is NULL");
    if (job->type > COTHREAD_TYPE_DOUBLE)
        return fail(COTHREAD_EINVAL, "job.type is %lld: a result is VOID, INT, LONG, POINTER or DOUBLE", job->type);
    if (job->count > INTEGERS + DOUBLES)
        return fail(COTHREAD_EINVAL, "job.count is %lld: at most 8 doubles and 6 other arguments", job->count);
    if ((job->count && !job->arguments) || (uintptr_t)job->arguments & 7)
        return fail(COTHREAD_EINVAL, "job.arguments is NULL or not aligned: %lld", (uintptr_t)job->arguments);
    for (uint32_t i = 0; i < job->count; i++) {
        const cothread_argument *argument = &job->arguments[i];
        if (argument->type < COTHREAD_TYPE_INT || argument->type > COTHREAD_TYPE_IN_OUT)
            return fail(COTHREAD_EINVAL, "argument %lld of the job has the unknown type %lld", i, argument->type);
        if (!copies(argument->type) && argument->size)
            return fail(COTHREAD_EINVAL, "argument %lld of the job has a size, %lld, and a type that copies nothing", i, argument->size);
        if (copies(argument->type) && argument->size && !argument->value.pointer)
            return fail(COTHREAD_EINVAL, "argument %lld of the job is NULL, and %lld bytes are to be copied", i, argument->size);
        integers += argument->type != COTHREAD_TYPE_DOUBLE;
        doubles += argument->type == COTHREAD_TYPE_DOUBLE;
        bytes += argument->size;
    }
    if (integers > INTEGERS || doubles > DOUBLES)
        return fail(COTHREAD_EINVAL, "the job has %lld doubles and %lld other arguments: at most 8 and 6 fit into registers", doubles, integers);
    if (bytes > 1u << 30)
        return fail(COTHREAD_EINVAL, "the job's arguments have %lld bytes to copy: at most 1 GiB", bytes);
    return 0;
}

/* prepare makes a job out of what was asked for. It holds the pool; it counts as a holder of struct jobs from enqueue on. */
static struct job *prepare(struct scheduler *s, struct pool *pool, const cothread_job *asked, int *error)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < asked->count; i++)
        bytes += padded(asked->arguments[i].size);
    struct job *job = system_allocate(1, sizeof *job + bytes);
    if (!job) {
        *error = fail(COTHREAD_ENOMEM, "no memory for a job with %lld bytes of arguments", bytes);
        return NULL;
    }
    char *copy = job->copies;
    int integers = 0, doubles = 0;
    for (uint32_t i = 0; i < asked->count; i++) {
        const cothread_argument *argument = &asked->arguments[i];
        job->arguments[i].type = argument->type;
        job->arguments[i].size = argument->size;
        if (argument->type == COTHREAD_TYPE_DOUBLE) {
            job->doubles[doubles++] = argument->value.number;
        } else if (copies(argument->type)) {
            if (argument->type != COTHREAD_TYPE_OUT && argument->size)
                memcpy(copy, argument->value.pointer, argument->size);
            job->integers[integers++] = (int64_t)(uintptr_t)copy;
            copy += padded(argument->size);
        } else {
            job->integers[integers++] = argument->value.integer;
        }
    }
    job->jobs = s->jobs;
    job->pool = pool;
    job->function = asked->function;
    job->drop = asked->drop;
    job->result_is_size = asked->flags & JOB_RESULT_IS_SIZE;
    job->owns_memory = asked->flags & COTHREAD_OWNS_MEMORY;
    job->type = (uint8_t)asked->type;
    job->count = (uint8_t)asked->count;
    job->work.run = run;
    pool_hold(pool);
    return job;
}

/* copy_out gives the caller the result of a job that has finished. The arguments are those that it was made of. */
static void copy_out(const struct job *job, cothread_job *out)
{
    const char *copy = job->copies;
    out->result = job->result;
    out->error = job->error;
    out->called = 1;
    for (int i = 0; i < job->count; i++) {
        uint32_t size = job->arguments[i].size, given = size;
        if (job->result_is_size && job->result.integer < (int64_t)size)
            given = job->result.integer < 0 ? 0 : (uint32_t)job->result.integer;
        if (job->arguments[i].type >= COTHREAD_TYPE_OUT && given)
            memcpy(out->arguments[i].value.pointer, copy, given);
        copy += padded(size);
    }
}

/* ---- Start, and end --------------------------------------------------------------------------------------------- */

static int put(struct job *job, enum pool_put how)
{
    struct jobs *jobs = job->jobs;
    atomic_fetch_add(&jobs->holders, 1); /* before a thread may have it */
    job->queued = true;
    int rc = pool_put(job->pool, &job->work, how);
    if (rc != 0) {
        job->queued = false;
        atomic_fetch_sub(&jobs->holders, 1);
    }
    return rc;
}

/* enqueue puts a job into its pool, behind the tasks that wait for room. */
static int enqueue(struct scheduler *s, struct pool_object *pool, struct job *job, int64_t deadline)
{
    int rc = COTHREAD_EFULL;
    bool waits = deadline != COTHREAD_NOW && s->current;
    if (!pool->room.first)
        rc = put(job, waits ? POOL_AWAIT : POOL_OFFER);
    pool->refused += rc == COTHREAD_EFULL && !waits;
    if (rc == COTHREAD_EFULL && waits && (rc = wait_refused(s, deadline)) == 0) {
        s->current->wait.value = (uint64_t)(uintptr_t)job;
        rc = wait_here(s, KIND_POOL, &pool->room, deadline);
    }
    if (rc == COTHREAD_EFULL)
        return fail(rc, "the pool is full");
    if (rc == COTHREAD_ELIMIT)
        return fail(rc, "the pool has no thread, and none can be made");
    return rc;
}

/* begin makes a job and its object, and puts it into a pool. */
static struct job_object *begin(struct scheduler *s, cothread_handle handle, enum own_pool own, const cothread_job *asked,
                                int64_t deadline, int *error)
{
    struct pool_object *pool = find_pool(s, handle, own, error);
    if (!pool)
        return NULL;
    struct job_object *object = object_allocate(&s->handles, KIND_JOB, error);
    if (!object)
        return NULL;
    struct job *job = prepare(s, pool->pool, asked, error);
    object->waiters.first = NULL;
    object->finished = object->taken = false;
    object->job = job;
    slot_hide(object); /* nobody closes it before the caller has its handle */
    if (job) {
        job->object = object;
        *error = enqueue(s, pool, job, deadline);
        if (*error == 0)
            return object;
        free_job(job);
    }
    object->job = NULL;
    object_free(&s->handles, KIND_JOB, object);
    return NULL;
}

static void free_object(struct scheduler *s, struct job_object *object)
{
    object->job = NULL;
    object_free(&s->handles, KIND_JOB, object);
}

/* give_up ends what has not finished: the job is freed, or its thread's. False: the call goes on and cannot be given up, or it
 * has returned by now and is about to arrive. */
static bool give_up(struct job *job, bool whatever_it_uses, bool *called)
{
    *called = false;
    if (!job->queued) {
        free_job(job);
        return true;
    }
    if (pool_withdraw(job->pool, &job->work)) {
        release(job->jobs);
        free_job(job);
        return true;
    }
    if (change(job, JOB_QUEUED, JOB_ABANDONED))
        return true;
    *called = true;
    return (job->owns_memory || whatever_it_uses) && change(job, JOB_CALLED, JOB_ABANDONED);
}

/* dispose ends a job whose call has returned and whose result nobody wants: where something is to be done with it, on a thread of
 * the pool. */
static void dispose(struct job *job, bool taken)
{
    if (job->drop && !taken) {
        struct pool *pool = job->pool;
        atomic_store(&job->state, JOB_ABANDONED);
        pool_hold(pool); /* the job's hold may be gone before put returns */
        if (put(job, POOL_FORCE) != 0)
            drop(job); /* no thread is to be had */
        pool_release(pool);
    } else {
        free_job(job);
    }
}

/* ---- What threads left -------------------------------------------------------------------------------------------- */

/* told_error returns errno as a wait gives it: whatever the call left there, it is no code. */
static int told_error(const struct job *job)
{
    return job->error > 0 ? job->error : 0;
}

static void finish(struct scheduler *s, struct job *job)
{
    struct job_object *object = job->object;
    if (!object) {
        dispose(job, false);
        return;
    }
    object->finished = true;
    for (struct wait *w; (w = object->waiters.first);) {
        w->value = (uint64_t)job->result.integer;
        wait_end(s, w, told_error(job));
    }
}

/* give_room puts in what waits for room, first come, first served. */
static void give_room(struct scheduler *s)
{
    const struct table *table = &s->handles.tables[KIND_POOL];
    for (uint32_t i = table->first; i < table->used; i++) {
        struct pool_object *pool = slot_at(&s->handles, KIND_POOL, i);
        for (struct wait *w; pool->pool && (w = pool->room.first);) {
            int rc = put((struct job *)(uintptr_t)w->value, POOL_AWAIT);
            if (rc == COTHREAD_EFULL)
                break;
            wait_end(s, w, rc);
        }
    }
}

void jobs_arrive(struct scheduler *s)
{
    struct jobs *jobs = s->jobs;
    if (!jobs)
        return; /* a thread was late, and told the scheduler that lived here before */
    struct job *last = atomic_exchange(&jobs->done, NULL), *first = NULL;
    happens_after(jobs);
    while (last) {
        struct job *next = last->next;
        last->next = first;
        first = last;
        last = next;
    }
    while (first) {
        struct job *next = first->next; /* finish may free it */
        finish(s, first);
        first = next;
    }
    if (atomic_load(&jobs->room)) {
        atomic_store(&jobs->room, false);
        give_room(s);
    }
}

/* has_finished says whether a job has, also if nothing took that up yet. */
static bool has_finished(struct scheduler *s, const struct job_object *object)
{
    if (!object->finished && atomic_load(&s->shared.arrived))
        jobs_arrive(s);
    return object->finished;
}

void jobs_end(struct scheduler *s)
{
    struct jobs *jobs = s->jobs;
    const struct table *table = &s->handles.tables[KIND_JOB];
    bool called;
    if (!jobs)
        return;
    s->jobs = NULL;
    for (uint32_t i = table->first; i < table->used; i++) {
        struct job_object *object = slot_at(&s->handles, KIND_JOB, i);
        if (!object->job)
            continue;
        if (object->finished)
            dispose(object->job, object->taken);
        else
            give_up(object->job, true, &called); /* or it is in `done`, or will find that closed */
        object->job = NULL;
    }
    for (struct job *next, *job = atomic_exchange(&jobs->done, CLOSED); job; job = next) {
        next = job->next;
        happens_after(jobs);
        dispose(job, false);
    }
    table = &s->handles.tables[KIND_POOL];
    for (uint32_t i = table->first; i < table->used; i++) {
        struct pool_object *object = slot_at(&s->handles, KIND_POOL, i);
        if (object->pool)
            pool_close(object->pool);
        object->pool = NULL;
    }
    memset(s->own_pools, 0, sizeof s->own_pools);
    release(jobs);
}

/* ---- Waiting -------------------------------------------------------------------------------------------------------- */

int job_try(struct scheduler *s, void *tried, struct wait *w, void *memory)
{
    (void)memory;
    struct job_object *object = tried;
    if (!has_finished(s, object))
        return WOULD_WAIT;
    w->value = (uint64_t)object->job->result.integer;
    return told_error(object->job);
}

struct wait_list *job_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct job_object *)object)->waiters;
}

/* outlast waits for a call that cannot be given up, whatever would end another wait. */
static int outlast(struct scheduler *s, struct job_object *object)
{
    struct task *self = s->current;
    bool was = self->flags & TASK_SHIELDED, interrupted = false;
    self->flags |= TASK_SHIELDED;
    while (!has_finished(s, object) && !s->broken)
        interrupted |= wait_here(s, KIND_JOB, &object->waiters, COTHREAD_FOREVER) == COTHREAD_EINTR;
    if (!was)
        self->flags &= (uint8_t)~TASK_SHIELDED;
    if (interrupted)
        atomic_store(&s->shared.interrupted, 1);
    return object->finished ? 0 : COTHREAD_EBROKEN;
}

int job_offload(struct scheduler *s, cothread_handle pool, enum own_pool own, cothread_job *job, int64_t deadline)
{
    bool called;
    job->result.integer = 0;
    job->error = 0;
    job->called = 0;
    int rc, error, late = 0;
    if (pool && !handle_object(&s->handles, KIND_POOL, pool, &error))
        return error;
    if ((rc = wait_refused(s, deadline)) != 0)
        return rc;
    struct job_object *object = begin(s, pool, own, job, deadline, &rc);
    if (!object)
        return rc;
    /* While the task waited for room and then for its turn it may have been cancelled, and the call may have returned. */
    rc = 0;
    if (!has_finished(s, object) && (rc = wait_refused(s, deadline)) == 0)
        rc = wait_here(s, KIND_JOB, &object->waiters, deadline);
    if (rc < 0 && !has_finished(s, object)) {
        if (give_up(object->job, false, &called)) {
            job->called = called;
            free_object(s, object);
            return rc;
        }
        late = 1;
        if ((error = outlast(s, object)) < 0)
            return error;
    }
    if (rc == COTHREAD_EINTR)
        atomic_store(&s->shared.interrupted, 1); /* the next wait says so */
    copy_out(object->job, job);
    free_job(object->job);
    free_object(s, object);
    return late;
}

cothread_handle job_start(struct scheduler *s, cothread_handle pool, const cothread_job *job, int64_t deadline)
{
    int error;
    struct job_object *object = begin(s, pool, OWN_POOL_DEFAULT, job, deadline, &error);
    if (!object)
        return error;
    slot_show(object);
    return handle_of(&s->handles, KIND_JOB, object);
}

int job_copy_result(struct scheduler *s, cothread_handle handle, cothread_job *out)
{
    int error;
    struct job_object *object = handle_object(&s->handles, KIND_JOB, handle, &error);
    if (!object)
        return error;
    struct job *job = object->job;
    bool same = out->count == job->count;
    for (int i = 0; same && i < job->count; i++)
        same = out->arguments[i].type == job->arguments[i].type && out->arguments[i].size == job->arguments[i].size;
    if (!same)
        return fail(COTHREAD_EINVAL, "job.arguments differ from those that job %lld was started with", handle);
    if (!has_finished(s, object))
        return fail(COTHREAD_EBUSY, "job %lld has not finished: cothread_wait waits for it", handle);
    object->taken = true;
    copy_out(job, out);
    return 0;
}

int job_close(struct scheduler *s, void *closing, cothread_handle handle)
{
    struct job_object *object = closing;
    struct job *job = object->job;
    bool called;
    if (has_finished(s, object)) {
        dispose(job, object->taken);
    } else if (!give_up(job, false, &called)) {
        if (atomic_load(&job->state) != JOB_DONE)
            return fail(COTHREAD_EBUSY, "job %lld has begun, and uses memory that is not its own: wait for its end", handle);
        job->object = NULL; /* it is about to arrive */
    }
    wait_end_all(s, &object->waiters, COTHREAD_ECLOSED);
    free_object(s, object);
    return 0;
}

void job_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    static const char *const states[] = {"not begun", "its call goes on", "finished", "given up"};
    const struct job_object *described = object;
    snprintf(text, size, "%s", states[described->job ? atomic_load(&described->job->state) : JOB_ABANDONED]);
}
