/* A scheduler that is destroyed, or whose thread ends, waits for no call that owns its memory: the call returns later, and its
 * result is dropped. What had not begun is never called. Then the memory is gone, and the threads are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"
#include "threads.h"

static gate shutters;
static _Atomic int drops, called;

static void drop(int64_t result) {
    expect(result > 0, 1);
    drops++;
}

static int64_t count(int64_t n) {
    called++;
    return n;
}

static void *offloads(void *pool) {
    cothread_job job = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters));
    job.flags = COTHREAD_OWNS_MEMORY;
    job.drop = drop;
    expect(cothread_offload(*(cothread_handle *)pool, &job, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return NULL;
}

static void *lends(void *pool) {
    cothread_job job = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters));
    (void)!cothread_offload(*(cothread_handle *)pool, &job, COTHREAD_FOREVER);
    fail_at(__FILE__, __LINE__, "an abandoned task ran on");
    return NULL;
}

static void *waits_for_room(void *pool) {
    cothread_job job = JOB(count, COTHREAD_TYPE_LONG, LONG(1));
    (void)!cothread_offload(*(cothread_handle *)pool, &job, COTHREAD_FOREVER);
    return NULL;
}

/* Two calls go on, one of a task and one of nobody; two are queued; one waits for room; one has finished, and nobody saw it. */
static cothread_handle fill(cothread_handle *pool) {
    cothread_handle scheduler = handle(cothread_create(NULL)), task;
    cothread_job passes = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters)), counts = JOB(count, COTHREAD_TYPE_LONG, LONG(7));
    shut(&shutters);
    drops = called = 0;
    *pool = pool_of(2, 2);
    passes.flags = COTHREAD_OWNS_MEMORY;
    passes.drop = counts.drop = drop;
    handle(cothread_job_start(*pool, &counts, COTHREAD_NOW));
    until(pool_statistics(*pool).ended == 1);
    expect(called, 1);
    task = spawn(offloads, pool);
    expect(cothread_detach(task), 0);
    handle(cothread_job_start(*pool, &passes, COTHREAD_FOREVER));
    until(shutters.inside == 2);
    handle(cothread_job_start(*pool, &counts, COTHREAD_NOW));
    handle(cothread_job_start(*pool, &counts, COTHREAD_NOW));
    expect(cothread_detach(spawn(waits_for_room, pool)), 0);
    expect(cothread_yield(), 0);
    return scheduler;
}

static void *leaves(void *pool) {
    fill(pool);
    return NULL; /* with its scheduler alive */
}

static void gone(void) {
    while (drops < 3)
        usleep(100);
    threads_of_pools_end();
    expect(called, 1);
    expect(drops, 3);
}

int main(void) {
    cothread_handle pool, scheduler;
    pthread_t thread;
    for (int i = 0; i < 20; i++) {
        scheduler = fill(&pool);
        expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
        expect(shutters.through, 0);
        /* Another scheduler lives when the calls return, at the same place. */
        scheduler = handle(cothread_create(NULL));
        let_go(&shutters, 2);
        while (drops < 3)
            expect(cothread_sleep(100 * COTHREAD_MICROSECOND), 0);
        expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
        gone();

        expect(pthread_create(&thread, NULL, leaves, &pool), 0);
        expect(pthread_join(thread, NULL), 0);
        let_go(&shutters, 2);
        gone();
    }

    /* A call with the caller's memory keeps its task until the deadline of destroy. */
    scheduler = handle(cothread_create(NULL));
    pool = pool_of(1, 1);
    shut(&shutters);
    expect(cothread_detach(spawn(lends, &pool)), 0);
    until(shutters.inside == 1);
    expect(cothread_destroy(scheduler, cothread_after(5 * COTHREAD_MILLISECOND)), 1);
    let_go(&shutters, 1);
    threads_of_pools_end();
    return 0;
}
