/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/resource.h>
#include <sys/wait.h>

/* A fault that is no stack overflow reaches the program's handler, or kills it as it would without the library. */
static void handler(int number) {
    _exit(number == SIGSEGV ? 42 : 1);
}

static void *faults(void *unused) {
    volatile int *nowhere = (volatile int *)8;
    *nowhere = 1;
    return unused;
}

static int victim(int handled) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    struct rlimit none = {0, 0};
    expect(setrlimit(RLIMIT_CORE, &none), 0);
    handle(cothread_create(NULL));
    if (handled)
        expect(sigaction(SIGSEGV, &action, NULL), 0);
    join(spawn(faults, NULL));
    return 0;
}

int main(int count, char **arguments) {
    int handled, status;
    if (count > 1)
        return victim(arguments[1][0] == '1');
    for (handled = 0; handled < 2; handled++) {
        pid_t pid = fork();
        expect(pid >= 0, 1);
        if (pid == 0) {
            execl("/proc/self/exe", "victim", handled ? "1" : "0", (char *)NULL);
            _exit(99);
        }
        expect(waitpid(pid, &status, 0), pid);
        if (handled)
            expect(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 42);
        else
            expect(WIFSIGNALED(status) ? WTERMSIG(status) : -1, SIGSEGV);
    }
    return 0;
}
