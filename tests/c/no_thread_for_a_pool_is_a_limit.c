/* Where the system makes no thread, a job in a pool without one is refused and leaves nothing; a pool that has one goes on with
 * it; and there is no lasting harm.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <dlfcn.h>

static _Atomic int refuses;

/* The library's threads come by here too, as a program's own function hides the libc's. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*function)(void *),
                   void *restrict argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    return refuses ? EAGAIN : real(thread, attributes, function, argument);
}

int main(void) {
    cothread_job job = JOB(abs, COTHREAD_TYPE_INT, INT(-3));
    cothread_handle pool, jobs[4], scheduler = handle(cothread_create(NULL));
    cothread_file_status status;
    pool = pool_of(4, 8);
    refuses = 1;
    for (int i = 0; i < 3; i++) {
        expect(cothread_offload(pool, &job, COTHREAD_FOREVER), COTHREAD_ELIMIT);
        expect(job.called, 0);
        expect(cothread_job_start(pool, &job, COTHREAD_NOW), COTHREAD_ELIMIT);
    }
    expect(cothread_file_stat("/", &status, COTHREAD_FOREVER), COTHREAD_ELIMIT);
    expect(pool_statistics(pool).depth, 0);
    expect(pool_statistics(pool).threads, 0);
    expect(statistics(scheduler).jobs, 0);
    refuses = 0;
    expect(cothread_offload(pool, &job, COTHREAD_FOREVER), 0);
    expect(job.result.integer, 3);
    refuses = 1;
    for (int i = 0; i < 4; i++)
        jobs[i] = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
    for (int i = 0; i < 4; i++) {
        until(cothread_job_result(jobs[i], &job) == 0);
        expect(cothread_close(jobs[i]), 0);
    }
    expect(pool_statistics(pool).threads, 1);
    expect(cothread_close(pool), 0);
    return nothing_left();
}
