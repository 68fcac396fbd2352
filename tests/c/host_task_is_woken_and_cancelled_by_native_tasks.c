/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle host_task;

static void *wakes(void *unused) {
    expect(cothread_wakeup(host_task), 1);
    expect(cothread_wakeup(host_task), 0);
    return unused;
}

static void *cancels(void *unused) {
    expect(cothread_cancel(host_task), 0);
    return unused;
}

static void poll_until_joined(cothread_handle task) {
    while (cothread_join(task, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        batch(COTHREAD_NOW);
}

int main(void) {
    hosted(0);
    host_task = handle(cothread_host_create(7, "host", 0));
    wait_for(host_task, COTHREAD_FOREVER);
    expect(batch(COTHREAD_NOW), 0);
    poll_until_joined(spawn(wakes, NULL));
    expect(batch(COTHREAD_NOW), 0); /* it was in a batch already, once */
    expect_order("7:0");

    wait_for(host_task, COTHREAD_FOREVER);
    expect(batch(COTHREAD_NOW), 0);
    poll_until_joined(spawn(cancels, NULL));
    expect_order("7:-11");
    wait_for(host_task, COTHREAD_FOREVER); /* sticky */
    expect(batch(COTHREAD_NOW), 1);
    expect_order("7:-11");
    finish(host_task, 0);
    expect(cothread_submit(), 1);
    return nothing_left();
}
