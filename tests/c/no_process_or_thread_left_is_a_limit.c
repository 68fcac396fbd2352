/* RLIMIT_NPROC, which counts threads too, lets no child and no thread of a pool be made: that is told, nothing is left of it, and
 * it is no lasting harm. Root is above that limit, so somebody else tries it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"
#include "process.h"

#include <sys/resource.h>

static const char *const words[] = {"/bin/true", NULL};
static const cothread_process_options program = {.size = sizeof program, .arguments = words};

static void allow(rlim_t most) {
    struct rlimit limit;
    expect(getrlimit(RLIMIT_NPROC, &limit), 0);
    limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
    expect(setrlimit(RLIMIT_NPROC, &limit), 0);
}

static int tries(void) {
    cothread_job job = JOB(abs, COTHREAD_TYPE_INT, INT(-3));
    cothread_handle process, scheduler = handle(cothread_create(NULL));
    int before = open_descriptors();
    for (int round = 0; round < 3; round++) {
        allow(1);
        errno = 0;
        expect(cothread_process_start(&program), COTHREAD_ELIMIT);
        expect(errno, EAGAIN);
        expect(cothread_offload(0, &job, COTHREAD_FOREVER), COTHREAD_ELIMIT);
        expect(job.called, 0);
        expect(open_descriptors(), before);
        expect(statistics(scheduler).processes, 0);
        allow(RLIM_INFINITY);
        process = handle(cothread_process_start(&program));
        ends(process, 0);
        expect(cothread_close(process), 0);
    }
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), 0);
    expect(job.result.integer, 3);
    no_child_is_left();
    return nothing_left();
}

int main(void) {
    int status = 1;
    if (geteuid() != 0)
        return tries();
    pid_t child = fork();
    if (child == 0) {
        expect(setgid(54321), 0);
        expect(setuid(54321), 0);
        exit(tries());
    }
    expect(waitpid(child, &status, 0), child);
    expect(status, 0);
    return 0;
}
