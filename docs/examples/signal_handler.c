/* A signal handler does nothing but post; what is to be done is done in a task.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <signal.h>
#include <stdio.h>

static cothread_handle scheduler, reloaded;
static volatile sig_atomic_t missed;

static void reload(void *unused) {
    (void)unused;
    printf("reloading\n"); /* no handler any more: printf, malloc and waits are fine */
    cothread_event_signal(reloaded, NULL);
}

static void on_hangup(int signal) {
    (void)signal;
    if (cothread_post(scheduler, reload, NULL, COTHREAD_NOW) < 0) /* keeps errno */
        missed = 1; /* COTHREAD_EFULL, say: a handler cannot wait; main reads this flag */
}

int main(void) {
    struct sigaction action = {.sa_handler = on_hangup, .sa_flags = SA_ONSTACK | SA_RESTART};
    scheduler = cothread_create(NULL);
    reloaded = cothread_event_create(0);
    sigaction(SIGHUP, &action, NULL);
    raise(SIGHUP);
    if (missed || cothread_event_wait(reloaded, NULL, cothread_after(60 * COTHREAD_SECOND)) < 0)
        return 1;
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
