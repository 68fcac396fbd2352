/* A call that has begun and uses the caller's memory is waited for, whatever would end the wait: it returns 1 with the
 * result, and a cancel or an interrupt is met by the next wait. One that has not begun is never called.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static gate shutters;
static cothread_handle pool, scheduler;

static int64_t fill(gate *g, int *word) {
    pass(g);
    *word = 42;
    return 43;
}

static void *at_its_deadline(void *unused) {
    int word = 0; /* on this task's stack */
    cothread_job job = JOB(fill, COTHREAD_TYPE_LONG, POINTER(&shutters), POINTER(&word));
    int rc;
    while ((rc = cothread_offload(pool, &job, cothread_after(COTHREAD_MILLISECOND))) == COTHREAD_ETIMEDOUT)
        expect(job.called, 0); /* until it has begun when the deadline passes */
    expect(rc, 1);
    expect(word, 42);
    expect(job.result.integer, 43);
    expect(job.called, 1);
    return unused;
}

static void *when_cancelled(void *unused) {
    int word = 0;
    cothread_job job = JOB(fill, COTHREAD_TYPE_LONG, POINTER(&shutters), POINTER(&word));
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), 1);
    expect(word, 42);
    expect(cothread_sleep(COTHREAD_SECOND), COTHREAD_ECANCELED);
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(job.called, 0);
    return unused;
}

static void *not_begun(void *deadline) {
    int word = 0;
    cothread_job job = JOB(fill, COTHREAD_TYPE_LONG, POINTER(&shutters), POINTER(&word));
    expect(cothread_offload(pool, &job, deadline ? cothread_after(COTHREAD_MILLISECOND) : COTHREAD_FOREVER),
           deadline ? COTHREAD_ETIMEDOUT : COTHREAD_ECANCELED);
    expect(job.called, 0);
    expect(word, 0);
    return NULL;
}

static void *lets_go(void *unused) {
    until(shutters.inside == 3);
    expect(cothread_interrupt(scheduler), 0);
    for (int i = 0; i < 10; i++)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    let_go(&shutters, 1);
    return unused;
}

int main(void) {
    cothread_handle task, first, second;
    scheduler = handle(cothread_create(NULL));
    shut(&shutters);
    pool = pool_of(1, 8);

    task = spawn(at_its_deadline, NULL);
    until(shutters.inside == 1);
    uint64_t withdrawn = pool_statistics(pool).withdrawn;
    first = spawn(not_begun, &shutters);
    join(first);
    second = spawn(not_begun, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(second), 0);
    join(second);
    expect(pool_statistics(pool).withdrawn - withdrawn, 2);
    let_go(&shutters, 1);
    join(task);

    task = spawn(when_cancelled, NULL);
    until(shutters.inside == 2);
    expect(cothread_cancel(task), 0);
    for (int i = 0; i < 10; i++)
        expect(cothread_yield(), 0);
    let_go(&shutters, 1);
    join(task);

    /* Main, which is interrupted. */
    int word = 0;
    cothread_job job = JOB(fill, COTHREAD_TYPE_LONG, POINTER(&shutters), POINTER(&word));
    task = spawn(lets_go, NULL);
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), 1);
    expect(word, 42);
    expect(cothread_sleep(COTHREAD_SECOND), COTHREAD_EINTR);
    join(task);
    expect(shutters.through, 3);

    /* With COTHREAD_NOW nothing is called. */
    expect(cothread_offload(pool, &job, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(job.called, 0);
    expect(pool_statistics(pool).started, 3);
    expect(cothread_close(pool), 0);
    return nothing_left();
}
