/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"

static volatile int called;

static void before(int number) {
    (void)number;
    called++;
}

static void meanwhile(int number) {
    (void)number;
    called += 100;
}

static int has_handler(void (*handler)(int)) {
    struct sigaction action;
    expect(sigaction(SIGUSR1, NULL, &action), 0);
    return action.sa_handler == handler;
}

int main(void) {
    cothread_handle quiet, forwards;
    handle(cothread_create(NULL));
    signal(SIGUSR1, before);
    quiet = handle(cothread_signal_open(SIGUSR1, 0));
    expect(raise(SIGUSR1), 0);
    expect(called, 0);
    forwards = handle(cothread_signal_open(SIGUSR1, COTHREAD_FORWARD));
    expect(raise(SIGUSR1), 0);
    expect(called, 1); /* by flag */
    expect(cothread_close(quiet), 0);
    expect(has_handler(before), 0);
    expect(raise(SIGUSR1), 0);
    expect(called, 2);
    expect(wait_signal(forwards, COTHREAD_NOW), 2);
    expect(cothread_close(forwards), 0);
    expect(has_handler(before), 1);

    quiet = handle(cothread_signal_open(SIGUSR1, 0));
    signal(SIGUSR1, meanwhile); /* the program's own business */
    expect(cothread_close(quiet), 0);
    expect(has_handler(meanwhile), 1);

    quiet = handle(cothread_signal_open(SIGUSR1, 0)); /* destroy is a close, too */
    expect(has_handler(meanwhile), 0);
    expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0);
    expect(strstr(cothread_last_error(), "signal 1") != NULL, 1);
    expect(has_handler(meanwhile), 1);
    return 0;
}
