/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"

enum { SENT = 10000 };

static void *sends(void *number) {
    int i;
    for (i = 0; i < SENT; i++)
        while (sigqueue(getpid(), (int)(intptr_t)number, (union sigval){.sival_int = i}) != 0)
            expect(errno, EAGAIN); /* as many as RLIMIT_SIGPENDING are pending */
    return NULL;
}

static void *takes(void *signal) {
    int left = SENT;
    while (left > 0) {
        int taken = wait_signal(*(cothread_handle *)signal, COTHREAD_FOREVER);
        expect(taken > 0 && taken <= left, 1);
        expect(item_value, getpid());
        left -= taken;
    }
    return NULL;
}

static void all_are_counted(int number) {
    cothread_handle first = handle(cothread_signal_open(number, 0)), second = handle(cothread_signal_open(number, 0)), task;
    pthread_t thread;
    expect(pthread_create(&thread, NULL, sends, (void *)(intptr_t)number), 0);
    task = spawn(takes, &second);
    takes(&first);
    join(task);
    expect(pthread_join(thread, NULL), 0);
    expect(wait_signal(first, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(wait_signal(second, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_close(first), 0);
    expect(cothread_close(second), 0);
}

int main(void) {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGRTMIN + 2);
    expect(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    handle(cothread_create(NULL));
    all_are_counted(SIGRTMIN + 1); /* by the handler */
    all_are_counted(SIGRTMIN + 2); /* by signalfd */
    return nothing_left();
}
