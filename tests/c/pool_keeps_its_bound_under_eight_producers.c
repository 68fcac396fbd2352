/* Eight tasks put in jobs as fast as they can; the pool never has more than its bound, and none is lost.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

enum { PRODUCERS = 8, EACH = 2000, BOUND = 5 };
static cothread_handle pool;
static _Atomic int64_t sum;

static int64_t add(int64_t n) {
    return atomic_fetch_add(&sum, n);
}

static void *producer(void *unused) {
    cothread_handle jobs[16] = {0};
    for (int64_t i = 1; i <= EACH; i++) {
        cothread_job job = JOB(add, COTHREAD_TYPE_LONG, LONG(i));
        cothread_handle *place = &jobs[i % 16];
        if (*place) {
            until(cothread_job_result(*place, &job) == 0);
            expect(cothread_close(*place), 0);
        }
        *place = handle(cothread_job_start(pool, &job, COTHREAD_FOREVER));
        expect(pool_statistics(pool).depth <= BOUND, 1);
    }
    for (int i = 0; i < 16; i++) {
        cothread_job job = JOB(add, COTHREAD_TYPE_LONG, LONG(0));
        until(cothread_job_result(jobs[i], &job) == 0);
        expect(cothread_close(jobs[i]), 0);
    }
    return unused;
}

int main(void) {
    cothread_handle tasks[PRODUCERS];
    uint64_t waits = 0;
    handle(cothread_create(NULL));
    pool = pool_of(3, BOUND);
    for (int i = 0; i < PRODUCERS; i++)
        tasks[i] = spawn(producer, NULL);
    for (int i = 0; i < PRODUCERS; i++)
        join(tasks[i]);
    cothread_pool_stats stats = pool_statistics(pool);
    expect(sum, (int64_t)PRODUCERS * EACH * (EACH + 1) / 2);
    expect(stats.high_water <= BOUND, 1);
    expect(stats.accepted, PRODUCERS * EACH);
    expect(stats.started, PRODUCERS * EACH);
    expect(stats.depth, 0);
    for (int i = 0; i < 32; i++)
        waits += stats.wait[i];
    expect(waits, PRODUCERS * EACH);
    expect(cothread_close(pool), 0);
    return nothing_left();
}
