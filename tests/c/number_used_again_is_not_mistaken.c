/* A child's status was taken by the host, and its number is that of another child, which leads a group of the same number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

/* Forks until the child has a number; 0: this system does not let us choose. */
static pid_t fork_as(pid_t wanted) {
    for (int tries = 0; tries < 1000; tries++) {
        FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "w");
        if (!last || fprintf(last, "%d", wanted - 1) < 0 || fclose(last) != 0)
            return 0;
        pid_t pid = fork();
        if (pid == 0) {
            if (getpid() != wanted)
                _exit(0);
            setpgid(0, 0);
            for (;;)
                pause();
        }
        if (pid == wanted) {
            setpgid(pid, pid);
            return pid;
        }
        expect(waitpid(pid, NULL, 0), pid);
    }
    return 0;
}

int main(void) {
    int status;
    handle(cothread_create(NULL));
    cothread_handle process = start(SH("exit 7"), .flags = COTHREAD_NEW_GROUP);
    pid_t pid = cothread_process_pid(process);
    expect(waitpid(pid, &status, 0), pid);
    if (fork_as(pid) == 0) {
        printf("note: skipped: the next number cannot be chosen here\n");
        expect(cothread_close(process), 0);
        return nothing_left();
    }
    for (int reported = 0; reported < 2; reported++) {
        expect(cothread_process_signal(process, SIGKILL, 0), COTHREAD_ESYSTEM);
        expect(errno, ESRCH);
        expect(cothread_process_signal(process, SIGKILL, COTHREAD_TO_GROUP), COTHREAD_ESYSTEM);
        expect(errno, ESRCH);
        int result = ended_by(process, cothread_after(60 * COTHREAD_SECOND));
        expect(result, kernel_tells_what_was_taken() ? 7 : COTHREAD_ESYSTEM);
    }
    expect(cothread_close(process), 0);
    expect(waitpid(pid, &status, WNOHANG), 0); /* the other one lives */
    expect(kill(pid, SIGTERM), 0);
    expect(waitpid(pid, &status, 0), pid);
    expect(WTERMSIG(status), SIGTERM);
    return nothing_left();
}
