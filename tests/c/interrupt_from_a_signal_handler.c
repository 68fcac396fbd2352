/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler;

static void handler(int number) {
    (void)number;
    cothread_interrupt(scheduler);
}

static void *raises(void *unused) {
    expect(raise(SIGUSR1), 0);
    return unused;
}

static void *waits(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *signals_main(void *thread) {
    expect(pthread_kill(*(pthread_t *)thread, SIGUSR1), 0);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK}; /* as Go asks of every handler */
    pthread_t self = pthread_self(), other;
    cothread_handle task;
    scheduler = handle(cothread_create(NULL));
    expect(sigaction(SIGUSR1, &action, NULL), 0);

    /* in main's own code: kept for the next wait */
    expect(raise(SIGUSR1), 0);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_EINTR);

    /* on the stack of a task, inside main's wait */
    task = spawn(raises, NULL);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_EINTR);
    join(task);

    /* while the scheduler sleeps in the kernel, or on its way there */
    task = spawn(waits, NULL);
    expect(pthread_create(&other, NULL, signals_main, &self), 0);
    expect(cothread_run(COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(pthread_join(other, NULL), 0);

    expect(cothread_cancel(task), 0);
    join(task);
    return nothing_left();
}
