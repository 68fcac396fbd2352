/* 64 calls that do not return fill one pool; calls in others, of files and of names too, return meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

enum { STUCK = 64 };
static gate shutters;

static void *stuck(void *pool) {
    cothread_job job = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters));
    expect(cothread_offload(*(cothread_handle *)pool, &job, COTHREAD_FOREVER), 0);
    return NULL;
}

int main(void) {
    cothread_handle full, other, tasks[STUCK];
    cothread_address address;
    cothread_file_status status;
    handle(cothread_create(NULL));
    shut(&shutters);
    full = pool_of(STUCK / 2, STUCK);
    other = pool_of(1, 1);
    for (int i = 0; i < STUCK; i++)
        tasks[i] = spawn(stuck, &full);
    until(shutters.inside == STUCK / 2 && pool_statistics(full).depth == STUCK / 2);
    for (int i = 0; i < 100; i++) {
        cothread_job job = JOB(abs, COTHREAD_TYPE_INT, INT(-i));
        expect(cothread_offload(i % 2 ? other : 0, &job, COTHREAD_FOREVER), 0);
        expect(job.result.integer, i);
    }
    expect(cothread_file_stat("/", &status, COTHREAD_FOREVER), 0);
    expect(cothread_resolve("127.0.0.1", "80", NULL, &address, 1, COTHREAD_FOREVER), 1);
    expect(shutters.through, 0);
    expect(pool_statistics(full).threads, STUCK / 2);
    let_go(&shutters, STUCK);
    for (int i = 0; i < STUCK; i++)
        join(tasks[i]);
    expect(shutters.through, STUCK);
    expect(pool_statistics(full).started, STUCK);
    expect(pool_statistics(full).high_water >= STUCK / 2, 1);
    expect(cothread_close(full), 0);
    expect(cothread_close(other), 0);
    return nothing_left();
}
