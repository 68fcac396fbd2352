/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"

static void forbidden(int number) {
    fail_at(__FILE__, __LINE__, "the handler of signal %d ran", number);
}

static void *sends(void *unused) {
    expect(kill(getpid(), SIGUSR1), 0);
    return unused;
}

int main(void) {
    sigset_t blocked, mask;
    cothread_handle signal_object;
    pthread_t thread;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    expect(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    signal(SIGUSR1, forbidden);
    handle(cothread_create(NULL));
    signal_object = handle(cothread_signal_open(SIGUSR1, COTHREAD_FORWARD));
    expect(kill(getpid(), SIGUSR1), 0);
    expect(wait_signal(signal_object, COTHREAD_NOW), 1); /* seen without a tick */
    expect(item_value, getpid());
    expect(pthread_create(&thread, NULL, sends, NULL), 0); /* comes while the scheduler sleeps, or before */
    expect(wait_signal(signal_object, COTHREAD_FOREVER), 1);
    expect(pthread_join(thread, NULL), 0);
    expect(cothread_close(signal_object), 0);
    expect(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
    expect(sigismember(&mask, SIGUSR1), 1);
    return nothing_left();
}
