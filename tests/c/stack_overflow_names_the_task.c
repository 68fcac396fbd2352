/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/resource.h>
#include <sys/wait.h>

/* The program starts itself again as the one that overflows, and reads what it says on stderr. */
static __attribute__((noinline)) int overflow(volatile char *above) {
    volatile char frame[512];
    frame[0] = above[0];
    return above[0] ? overflow(frame) + frame[0] : 0;
}

static void *digger(void *unused) {
    volatile char first[1] = {1};
    overflow(first);
    return unused;
}

static int victim(void) {
    cothread_task_options options = {sizeof options, 0, "digger"};
    struct rlimit none = {0, 0};
    expect(setrlimit(RLIMIT_CORE, &none), 0);
    handle(cothread_create(NULL));
    join(handle(cothread_spawn(digger, NULL, &options)));
    return 0;
}

int main(int count, char **arguments) {
    char said[4096] = "";
    size_t length = 0;
    ssize_t n;
    int fds[2], status = 0;
    pid_t pid;
    (void)arguments;
    if (count > 1)
        return victim();
    expect(pipe(fds), 0);
    pid = fork();
    expect(pid >= 0, 1);
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        execl("/proc/self/exe", "victim", "overflow", (char *)NULL);
        _exit(99);
    }
    close(fds[1]);
    while (length < sizeof said - 1 && (n = read(fds[0], said + length, sizeof said - 1 - length)) > 0)
        length += (size_t)n;
    expect(waitpid(pid, &status, 0), pid);
    if (!strstr(said, "digger"))
        fail_at(__FILE__, __LINE__, "stderr does not name the task: %s", said);
    if (!strstr(said, "65536"))
        fail_at(__FILE__, __LINE__, "stderr does not say how large the stack is: %s", said);
    expect(WIFSIGNALED(status), 1);
    expect(WTERMSIG(status), SIGSEGV);
    return 0;
}
