/* A child that is forked while calls go on is told so by every call and can end; the parent's calls return. And a program that
 * ends does not wait for calls.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <sys/wait.h>

static gate shutters;

int main(void) {
    cothread_job job = JOB(pass, COTHREAD_TYPE_LONG, POINTER(&shutters));
    cothread_handle started;
    int status;
    handle(cothread_create(NULL));
    shut(&shutters);
    started = handle(cothread_job_start(0, &job, COTHREAD_NOW));
    until(shutters.inside == 1);
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_EFORKED);
            expect(cothread_job_result(started, &job), COTHREAD_EFORKED);
            expect(cothread_close(started), COTHREAD_EFORKED);
            exit(0); /* its handlers too */
        }
        expect(waitpid(child, &status, 0), child);
        expect(status, 0);
    }
    let_go(&shutters, 1);
    until(cothread_job_result(started, &job) == 0);
    expect(job.result.integer, 1);
    handle(cothread_job_start(0, &job, COTHREAD_NOW));
    until(shutters.inside == 2);
    return 0;
}
