/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle task, gate;

static void first(void *unused) {
    (void)unused;
    task = handle(cothread_self());
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_yield(), COTHREAD_ECANCELED);
    note("first");
}

static void next(void *unused) {
    (void)unused;
    expect(cothread_event_wait(gate, NULL, COTHREAD_FOREVER), 0);
    note("next");
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    int i;
    gate = handle(cothread_event_create(0));
    for (i = 0; i < 3; i++) {
        expect(cothread_post(scheduler, first, NULL, COTHREAD_NOW), 0);
        expect(cothread_yield(), 0);
        expect(cothread_cancel(task), 0);
        while (order_length == 0)
            expect(cothread_yield(), 0);
        expect(cothread_post(scheduler, next, NULL, COTHREAD_NOW), 0);
        expect(cothread_yield(), 0);
        expect(cothread_event_signal(gate, NULL), 1);
        expect(cothread_yield(), 0);
        expect_order("first next");
    }
    return nothing_left();
}
