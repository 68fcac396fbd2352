/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

/* A native task and a host task are ready in one tick. The native one runs first and closes the
 * other's descriptor. */
static int a[2], b[2];

static void *closes(void *unused) {
    expect(cothread_wait_fd(a[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(cothread_wake_fd(b[0]), 1);
    return unused;
}

static void waits(cothread_handle task) {
    request((cothread_request){.task = task,
                               .operation = COTHREAD_WAIT,
                               .fd = b[0],
                               .deadline = COTHREAD_FOREVER,
                               .object = COTHREAD_READABLE});
}

int main(void) {
    cothread_handle task;
    hosted(0);
    expect(pipe(a), 0);
    expect(pipe(b), 0);
    task = handle(cothread_host_create(1, NULL, 0));
    waits(task);
    expect(cothread_detach(spawn(closes, NULL)), 0);
    expect(batch(COTHREAD_NOW), 0);
    expect(write(a[1], "x", 1), 1);
    expect(write(b[1], "x", 1), 1);
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("1:-13");

    waits(task); /* what was there is there still */
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("1:0:1");
    expect(cothread_wake_fd(b[0]), 0); /* its entry is in the batch */
    finish(task, 0);
    expect(cothread_submit(), 1);
    return nothing_left();
}
