/* As without the library: `program | head` ends.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/wait.h>

static int ends[2];

static void *writes(void *unused) {
    char line[] = "line\n";
    while (write(ends[1], line, sizeof line) > 0)
        cothread_yield();
    return unused;
}

int main(void) {
    int status = 0;
    expect(pipe(ends), 0);
    pid_t pid = fork();
    expect(pid >= 0, 1);
    if (pid == 0) {
        close(ends[0]);
        handle(cothread_create(NULL));
        join(spawn(writes, NULL));
        _exit(0);
    }
    close(ends[0]);
    close(ends[1]);
    expect(waitpid(pid, &status, 0), pid);
    expect(WIFSIGNALED(status), 1);
    expect(WTERMSIG(status), SIGPIPE);
    return 0;
}
