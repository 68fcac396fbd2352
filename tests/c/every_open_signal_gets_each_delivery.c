/* In two schedulers of two threads, and two in one of them; through the handler, or by signalfd where all threads block the
 * signal.
 * SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"

enum { ROUNDS = 200 };

static pthread_barrier_t opened, round_over;

/* Deliveries that come while one is pending are merged, so each is waited for before the next. */
static void take_each(cothread_handle signal) {
    expect(wait_signal(signal, COTHREAD_FOREVER), 1);
    expect(item_value, getpid());
}

static void *second_thread(void *number) {
    cothread_handle signal;
    int i;
    handle(cothread_create(NULL));
    signal = handle(cothread_signal_open((int)(intptr_t)number, 0));
    pthread_barrier_wait(&opened);
    for (i = 0; i < ROUNDS; i++) {
        take_each(signal);
        pthread_barrier_wait(&round_over);
    }
    expect(wait_signal(signal, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    pthread_barrier_wait(&round_over);
    expect(cothread_close(signal), 0);
    return (void *)(intptr_t)nothing_left();
}

static void each_delivery(int number) {
    cothread_handle first, second;
    pthread_t thread;
    int i;
    expect(pthread_create(&thread, NULL, second_thread, (void *)(intptr_t)number), 0);
    first = handle(cothread_signal_open(number, 0));
    second = handle(cothread_signal_open(number, 0));
    pthread_barrier_wait(&opened);
    for (i = 0; i < ROUNDS; i++) {
        expect(kill(getpid(), number), 0);
        take_each(i % 2 ? first : second);
        take_each(i % 2 ? second : first);
        pthread_barrier_wait(&round_over);
    }
    expect(wait_signal(first, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(wait_signal(second, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    pthread_barrier_wait(&round_over);
    expect(cothread_close(first), 0);
    expect(cothread_close(second), 0);
    expect(pthread_join(thread, NULL), 0);
}

int main(void) {
    sigset_t blocked;
    expect(pthread_barrier_init(&opened, NULL, 2), 0);
    expect(pthread_barrier_init(&round_over, NULL, 2), 0);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    expect(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    handle(cothread_create(NULL));
    each_delivery(SIGUSR1);
    each_delivery(SIGUSR2);
    return nothing_left();
}
