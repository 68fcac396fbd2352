/* errno is 0 when the function begins, and what it left there is given back; the caller's own is not touched.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static int leaves(int error) {
    int found = errno;
    if (error)
        errno = error;
    return found;
}

int main(void) {
    cothread_pool_options one = {.size = sizeof one, .threads = 1};
    cothread_handle pool;
    handle(cothread_create(NULL));
    pool = handle(cothread_pool_create(&one));
    errno = EDOM;
    for (int error = 0; error < 40; error++) { /* by one thread: what one call leaves the next does not find */
        cothread_job job = JOB(leaves, COTHREAD_TYPE_INT, INT(error));
        expect(cothread_offload(pool, &job, COTHREAD_FOREVER), 0);
        expect(job.result.integer, 0);
        expect(job.error, error);
    }
    cothread_job closes = JOB(close, COTHREAD_TYPE_INT, INT(-1));
    expect(cothread_offload(pool, &closes, COTHREAD_FOREVER), 0);
    expect(closes.result.integer, -1);
    expect(closes.error, EBADF);
    expect(errno, EDOM);
    expect(cothread_close(pool), 0);
    return nothing_left();
}
