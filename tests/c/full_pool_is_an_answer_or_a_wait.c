/* A full pool refuses a job that may not wait; tasks that may wait get its room in the order in which they came, also before
 * one that comes just then, until their deadline, or until the pool is closed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static gate shutters;
static cothread_handle pool;

static _Atomic int64_t called; /* the numbers of the calls, in their order: one thread makes them */
static int64_t noted(int64_t n) {
    if (n > 1)
        called = 10 * called + n;
    return n;
}

static void *waits(void *number) {
    cothread_job job = JOB(noted, COTHREAD_TYPE_LONG, LONG((intptr_t)number));
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), 0);
    return NULL;
}

static void *gives_up(void *unused) {
    cothread_job job = JOB(noted, COTHREAD_TYPE_LONG, LONG(1));
    expect(cothread_job_start(pool, &job, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_offload(pool, &job, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(job.called, 0);
    return unused;
}

static void *is_cancelled(void *unused) {
    cothread_job job = JOB(noted, COTHREAD_TYPE_LONG, LONG(1));
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(job.called, 0);
    return unused;
}

static void *sees_the_end(void *unused) {
    cothread_job job = JOB(noted, COTHREAD_TYPE_LONG, LONG(1));
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(job.called, 0);
    return unused;
}

int main(void) {
    cothread_handle stuck, queued[2], a, b, c, late, cancelled;
    handle(cothread_create(NULL));
    shut(&shutters);
    pool = pool_of(1, 2);
    cothread_job passes = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters));
    cothread_job job = JOB(noted, COTHREAD_TYPE_LONG, LONG(1));
    stuck = handle(cothread_job_start(pool, &passes, COTHREAD_NOW));
    until(shutters.inside == 1);
    queued[0] = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    queued[1] = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    expect(cothread_job_start(pool, &job, COTHREAD_NOW), COTHREAD_EFULL);
    expect(cothread_job_start(pool, &job, COTHREAD_NOW), COTHREAD_EFULL);
    expect(pool_statistics(pool).refused, 2);
    expect(pool_statistics(pool).depth, 2);
    expect(pool_statistics(pool).bound, 2);

    late = spawn(gives_up, NULL);
    join(late);
    cancelled = spawn(is_cancelled, NULL);
    a = spawn(waits, (void *)2);
    b = spawn(waits, (void *)3);
    c = spawn(waits, (void *)4);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(cancelled), 0);
    join(cancelled);
    expect(cothread_job_start(pool, &job, COTHREAD_NOW), COTHREAD_EFULL); /* and would, had it room: others were first */
    expect(cothread_close(queued[1]), 0); /* not begun: it makes room */
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(pool_statistics(pool).accepted, 4);
    expect(pool_statistics(pool).depth, 2);
    let_go(&shutters, 1);
    join(a);
    join(b);
    join(c);
    expect(called, 234);
    expect(pool_statistics(pool).high_water, 2);
    expect(cothread_close(stuck), 0);
    expect(cothread_close(queued[0]), 0);

    /* Closed: what waits for room is told; what is in goes on. */
    stuck = handle(cothread_job_start(pool, &passes, COTHREAD_NOW));
    until(shutters.inside == 2);
    queued[0] = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    queued[1] = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    a = spawn(sees_the_end, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_close(pool), 0);
    join(a);
    expect(cothread_job_start(pool, &job, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_job_result(queued[1], &job), COTHREAD_EBUSY);
    let_go(&shutters, 1);
    until(cothread_job_result(queued[1], &job) == 0);
    expect(job.result.integer, 1);
    expect(cothread_close(stuck), 0);
    expect(cothread_close(queued[0]), 0);
    expect(cothread_close(queued[1]), 0);
    return nothing_left();
}
