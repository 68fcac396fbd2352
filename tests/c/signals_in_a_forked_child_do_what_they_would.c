/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"
#include <sys/wait.h>

static volatile int called;

static void before(int number) {
    (void)number;
    called++;
}

static void *waits(void *signal) {
    expect(wait_signal(*(cothread_handle *)signal, COTHREAD_FOREVER), 1);
    return NULL;
}

int main(void) {
    cothread_handle dies, calls, ignored, task;
    int status = 0;
    pid_t child;
    signal(SIGUSR1, before);
    signal(SIGUSR2, SIG_IGN);
    handle(cothread_create(NULL));
    dies = handle(cothread_signal_open(SIGTERM, 0));
    calls = handle(cothread_signal_open(SIGUSR1, 0));
    ignored = handle(cothread_signal_open(SIGUSR2, 0));
    task = spawn(waits, &dies);
    expect(cothread_yield(), 0);
    child = fork();
    if (child == 0) {
        raise(SIGUSR1);
        raise(SIGUSR2);
        if (called != 1 || cothread_signal_open(SIGHUP, 0) != COTHREAD_EFORKED)
            _exit(1);
        raise(SIGTERM);
        _exit(2);
    }
    expect(waitpid(child, &status, 0), child);
    expect(status, SIGTERM);
    expect(called, 0);
    expect(wait_signal(calls, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* what hit the child is not the parent's */
    expect(wait_signal(ignored, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(statistics(cothread_current()).tasks_waiting, 1);
    expect(raise(SIGTERM), 0);
    join(task);
    expect(cothread_close(dies), 0);
    expect(cothread_close(calls), 0);
    expect(cothread_close(ignored), 0);
    return nothing_left();
}
