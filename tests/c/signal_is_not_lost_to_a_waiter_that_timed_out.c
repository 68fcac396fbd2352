/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Both deadlines pass before the scheduler looks: in one tick a task signals, and the waiter may have timed out already. */
static cothread_handle event;
static int64_t deadline;
static int got;

static void *signals(void *unused) {
    expect(cothread_sleep_until(deadline - 1), 0);
    expect(cothread_event_signal(event, NULL) >= 0, 1);
    return unused;
}

static void *waits(void *unused) {
    got = cothread_event_wait(event, NULL, deadline);
    expect(got == 0 || got == COTHREAD_ETIMEDOUT, 1);
    return unused;
}

int main(void) {
    cothread_handle a, b;
    int i;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    for (i = 0; i < 2; i++) { /* the signaller is ahead of the waiter, and behind */
        deadline = cothread_after(50 * COTHREAD_MILLISECOND);
        a = i ? spawn(waits, NULL) : spawn(signals, NULL);
        b = i ? spawn(signals, NULL) : spawn(waits, NULL);
        expect(cothread_yield(), 0);
        while (cothread_now() <= deadline)
            continue;
        join(a);
        join(b);
        expect(cothread_event_wait(event, NULL, COTHREAD_NOW), got == 0 ? COTHREAD_ETIMEDOUT : 0);
    }
    return nothing_left();
}
