/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/wait.h>

static void *task(void *unused) {
    int status = 0;
    pid_t pid = fork();
    expect(pid >= 0, 1);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
        _exit(1);
    }
    expect(waitpid(pid, &status, 0), pid);
    expect(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 7);
    return unused;
}

int main(void) {
    handle(cothread_create(NULL));
    join(spawn(task, NULL));
    return nothing_left();
}
