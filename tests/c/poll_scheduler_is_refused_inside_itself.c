/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle scheduler;

static void *task(void *unused) {
    expect(cothread_poll_scheduler(COTHREAD_NOW), COTHREAD_EBUSY);
    expect(cothread_poll_scheduler(COTHREAD_FOREVER), COTHREAD_EBUSY);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_EBUSY);
    note("task");
    return unused;
}

static void callback(void *unused) {
    (void)unused;
    expect(cothread_poll_scheduler(COTHREAD_NOW), COTHREAD_EBUSY);
    note("callback");
}

int main(void) {
    cothread_handle native;
    scheduler = hosted(0);
    native = spawn(task, NULL);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect_order("callback task");
    expect(cothread_join(native, NULL, COTHREAD_NOW), 0);
    return nothing_left();
}
