/* Reads what a process says of the overflow that ends it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef OVERFLOW_H
#define OVERFLOW_H

#include <sys/resource.h>
#include <sys/wait.h>

#include "test.h"

/* The program starts itself again with the argument `victim`: there the task "digger" is to overflow its stack, be named on
 * stderr, and end the process `by` a signal. */
static inline void overflow_is_named(const char *victim, int by) {
    char said[4096] = "";
    size_t length = 0;
    ssize_t n;
    int fds[2], status = 0;
    pid_t pid;
    expect(pipe(fds), 0);
    pid = fork();
    expect(pid >= 0, 1);
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        execl("/proc/self/exe", "victim", victim, (char *)NULL);
        _exit(99);
    }
    close(fds[1]);
    while (length < sizeof said - 1 && (n = read(fds[0], said + length, sizeof said - 1 - length)) > 0)
        length += (size_t)n;
    close(fds[0]);
    expect(waitpid(pid, &status, 0), pid);
    if (!strstr(said, "stack overflow in task \"digger\"") || !strstr(said, "65536"))
        fail_at(__FILE__, __LINE__, "%s: stderr does not name the task and its stack: %s", victim, said);
    expect(WIFSIGNALED(status) ? WTERMSIG(status) : -1, by);
}

/* What the program does as the victim: the task "digger" runs this function. */
static inline int overflow_victim(cothread_function digger) {
    cothread_task_options options = {sizeof options, 0, 0, 0, "digger"};
    struct rlimit none = {0, 0};
    expect(setrlimit(RLIMIT_CORE, &none), 0);
    handle(cothread_create(NULL));
    join(handle(cothread_spawn(digger, NULL, &options)));
    return 0;
}

#endif
