/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler, event, main_task;

static void *child(void *unused) {
    note("child");
    return unused;
}

static void callback(void *unused) {
    (void)unused;
    expect(cothread_current(), scheduler);
    expect(handle(cothread_self()) != main_task, 1);
    expect(cothread_run(COTHREAD_NOW), COTHREAD_EBUSY);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_EBUSY);
    expect(cothread_yield(), 0);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    note("callback");
    join(spawn(child, NULL));
    expect(cothread_event_signal(event, NULL), 1);
}

int main(void) {
    scheduler = handle(cothread_create(NULL));
    main_task = handle(cothread_self());
    event = handle(cothread_event_create(0));
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_yield(), 0);
    expect_order("callback child");
    return nothing_left();
}
