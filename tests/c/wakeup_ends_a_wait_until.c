/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event;

static void *waiter(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    note("woken");
    expect(cothread_wait_until(cothread_now() - 1), COTHREAD_ETIMEDOUT); /* the second wakeup was not kept */
    return unused;
}

static void *sleeper(void *unused) {
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *event_waiter(void *unused) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *wakes_main(void *task) {
    expect(cothread_wakeup(*(cothread_handle *)task), 1);
    return NULL;
}

int main(void) {
    cothread_handle self, a, b, c, d;
    handle(cothread_create(NULL));
    self = cothread_self();
    event = handle(cothread_event_create(0));
    a = spawn(waiter, NULL);
    expect(cothread_wakeup(a), 0); /* not started yet */
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(a), 1);
    expect(cothread_wakeup(a), 0); /* woken already, has not run yet */
    join(a);
    expect_order("woken");

    b = spawn(sleeper, NULL);
    c = spawn(event_waiter, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(b), 0);
    expect(cothread_wakeup(c), 0);
    expect(cothread_wakeup(self), 0);
    expect(cothread_cancel(b), 0);
    expect(cothread_event_signal(event, NULL), 1);
    join(b);
    join(c);

    d = spawn(wakes_main, &self);
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    join(d);
    return nothing_left();
}
