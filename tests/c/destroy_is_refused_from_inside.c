/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler;

static void *task(void *unused) {
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), COTHREAD_EBUSY);
    return unused;
}

static void callback(void *unused) {
    (void)unused;
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_EBUSY);
    note("callback");
}

int main(void) {
    scheduler = handle(cothread_create(NULL));
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    join(spawn(task, NULL));
    expect(cothread_yield(), 0);
    expect_order("callback");
    return nothing_left();
}
