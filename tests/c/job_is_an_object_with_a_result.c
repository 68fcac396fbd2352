/* A job that was started: its result, errno and copies are there again and again once it has finished; other arguments than its
 * own are refused; a call with the caller's memory cannot be closed while it goes on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static gate shutters;

static int64_t describe(gate *g, char *text, double d) {
    pass(g);
    snprintf(text, 16, "%g", d);
    errno = ERANGE;
    return 5;
}

int main(void) {
    char text[16] = "", other[16] = "";
    cothread_handle job, scheduler = handle(cothread_create(NULL));
    shut(&shutters);
    cothread_job asked = JOB(describe, COTHREAD_TYPE_LONG, POINTER(&shutters), OUT(text, 16), DOUBLE(2.5));
    job = handle(cothread_job_start(0, &asked, COTHREAD_NOW));
    expect(statistics(scheduler).jobs, 1);
    until(shutters.inside == 1);
    expect(cothread_job_result(job, &asked), COTHREAD_EBUSY);
    expect(cothread_close(job), COTHREAD_EBUSY);
    let_go(&shutters, 1);
    until(cothread_job_result(job, &asked) == 0);
    for (int i = 0; i < 2; i++) {
        expect(asked.result.integer, 5);
        expect(asked.error, ERANGE);
        expect(asked.called, 1);
        expect(strcmp(text, "2.5"), 0);
        memset(text, 0, sizeof text);
        asked.result.integer = asked.error = 0;
        expect(cothread_job_result(job, &asked), 0);
    }
    cothread_job elsewhere = JOB(describe, COTHREAD_TYPE_LONG, POINTER(NULL), OUT(other, 16), DOUBLE(0));
    expect(cothread_job_result(job, &elsewhere), 0);
    expect(strcmp(other, "2.5"), 0);
    cothread_job shorter = JOB(describe, COTHREAD_TYPE_LONG, POINTER(NULL), OUT(other, 8), DOUBLE(0));
    expect(cothread_job_result(job, &shorter), COTHREAD_EINVAL);
    cothread_job fewer = JOB(describe, COTHREAD_TYPE_LONG, POINTER(NULL), OUT(other, 16));
    expect(cothread_job_result(job, &fewer), COTHREAD_EINVAL);
    cothread_job mixed = JOB(describe, COTHREAD_TYPE_LONG, POINTER(NULL), DOUBLE(0), OUT(other, 16));
    expect(cothread_job_result(job, &mixed), COTHREAD_EINVAL);
    expect(cothread_close(job), 0);
    expect(cothread_job_result(job, &asked), COTHREAD_EHANDLE);
    expect(statistics(scheduler).jobs, 0);
    expect(statistics(scheduler).pools, 0); /* the library's own are none of its user's */
    return nothing_left();
}
