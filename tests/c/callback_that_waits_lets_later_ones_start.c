/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle gate, done;

static void waits(void *name) {
    note("%s+", (char *)name);
    expect(cothread_event_wait(gate, NULL, COTHREAD_FOREVER), 0);
    note("%s-", (char *)name);
}

static void opens(void *name) {
    note("%s", (char *)name);
    expect(cothread_event_signal(gate, NULL), 2);
}

static void last(void *name) {
    note("%s", (char *)name);
    expect(cothread_event_signal(done, NULL), 1);
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    gate = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    done = handle(cothread_event_create(0));
    expect(cothread_post(scheduler, waits, "a", COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, waits, "b", COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, opens, "c", COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, last, "d", COTHREAD_NOW), 0);
    expect(cothread_event_wait(done, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_yield(), 0);
    expect_order("a+ b+ c d a- b-");
    return nothing_left();
}
