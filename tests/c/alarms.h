/* SIGALRM every 100 us: what can be interrupted is.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ALARMS_H
#define ALARMS_H

#include "test.h"

#include <sys/time.h>

static volatile sig_atomic_t alarms;

static inline void on_alarm(int number) {
    (void)number;
    alarms++;
}

/* flags: SA_RESTART, for tests with calls of their own that a signal would end; or 0. */
static inline void alarms_begin(int flags) {
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | flags};
    expect(sigaction(SIGALRM, &action, NULL), 0);
    expect(setitimer(ITIMER_REAL, &(struct itimerval){{0, 100}, {0, 100}}, NULL), 0);
}

static inline void alarms_end(void) {
    expect(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL), 0);
    expect(alarms > 0, 1);
}

#endif
