/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/wait.h>

/* Returning from main, exit from a task, exit from another thread: each in a child of its own, each with a code. */
static void callback(void *unused) {
    (void)unused;
}

static void *waits(void *unused) {
    cothread_wait_until(COTHREAD_FOREVER);
    return unused;
}

static void *exits(void *unused) {
    exit(3);
    return unused;
}

static int living(const char *how) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    pthread_t thread;
    spawn(waits, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    if (how[0] == 't')
        spawn(exits, NULL);
    else if (how[0] == 'o')
        expect(pthread_create(&thread, NULL, exits, NULL), 0);
    else
        return 3;
    return cothread_sleep_until(COTHREAD_FOREVER);
}

int main(int count, char **arguments) {
    static const char *const ways[] = {"main returns", "task exits", "other thread exits"};
    int i, status;
    if (count > 1)
        return living(arguments[1]);
    for (i = 0; i < 3; i++) {
        pid_t pid = fork();
        expect(pid >= 0, 1);
        if (pid == 0) {
            execl("/proc/self/exe", "child", ways[i], (char *)NULL);
            _exit(99);
        }
        expect(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 3)
            fail_at(__FILE__, __LINE__, "%s: wait status %#x", ways[i], status);
    }
    return 0;
}
