/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void *interrupts(void *scheduler) {
    expect(cothread_interrupt(*(cothread_handle *)scheduler), 0);
    return NULL;
}

static void handler(int number) {
    (void)number;
}

static void *signals(void *thread) {
    while (pthread_kill(*(pthread_t *)thread, SIGUSR1) == 0 && !__atomic_load_n(&order_length, __ATOMIC_RELAXED))
        sched_yield();
    return NULL;
}

int main(void) {
    cothread_handle scheduler = hosted(0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    pthread_t thread, self = pthread_self();
    expect(cothread_interrupt(scheduler), 0);
    expect(cothread_poll_scheduler(COTHREAD_FOREVER), 0); /* kept for the next poll; its batch is empty */
    expect(pthread_create(&thread, NULL, interrupts, &scheduler), 0);
    expect(cothread_poll_scheduler(COTHREAD_FOREVER), 0);
    expect(pthread_join(thread, NULL), 0);

    expect(sigaction(SIGUSR1, &action, NULL), 0); /* a signal ends it too, so that the host can look at it */
    expect(pthread_create(&thread, NULL, signals, &self), 0);
    expect(cothread_poll_scheduler(COTHREAD_FOREVER), 0);
    note("ended");
    expect(pthread_join(thread, NULL), 0);
    return nothing_left();
}
