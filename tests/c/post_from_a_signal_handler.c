/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler, event, mailbox;
static int values[3], run;

static void callback(void *value) {
    expect(value == &values[0], 1);
    run++;
}

static void mailbox_callback(void *value) {
    expect(value == &values[2], 1);
    expect(cothread_event_signal(event, NULL), 1);
}

static void handler(int number) {
    void *replaced = NULL;
    (void)number;
    if (cothread_post(scheduler, callback, &values[0], COTHREAD_NOW) != 0 ||
        cothread_mailbox_post(mailbox, &values[1], NULL) != 0 ||
        cothread_mailbox_post(mailbox, &values[2], &replaced) != 1 || replaced != &values[1])
        _exit(1);
}

static void *raises(void *unused) {
    expect(raise(SIGUSR1), 0);
    return unused;
}

static void *signals_main(void *thread) {
    expect(pthread_kill(*(pthread_t *)thread, SIGUSR1), 0);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    pthread_t self = pthread_self(), other;
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    mailbox = handle(cothread_mailbox_create(mailbox_callback, 0, 0));
    expect(sigaction(SIGUSR1, &action, NULL), 0);

    join(spawn(raises, NULL)); /* on a task's stack */
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(run, 1);

    expect(pthread_create(&other, NULL, signals_main, &self), 0); /* asleep in the kernel, or about to be */
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(pthread_join(other, NULL), 0);
    expect(run, 2);
    return nothing_left();
}
