/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include <sys/socket.h>

static void wait_fd(cothread_handle task, int fd) {
    request((cothread_request){.task = task,
                               .operation = COTHREAD_WAIT,
                               .fd = fd,
                               .deadline = COTHREAD_FOREVER,
                               .object = COTHREAD_READABLE});
}

int main(void) {
    cothread_handle task;
    int a[2], b[2];
    hosted(0);
    task = handle(cothread_host_create(1, NULL, 0));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
    wait_fd(task, a[0]);
    expect(batch(COTHREAD_NOW), 0);
    request((cothread_request){.task = task, .operation = COTHREAD_WITHDRAW, .fd = -1});
    wait_fd(task, b[0]);
    expect(batch(COTHREAD_NOW), 0);
    expect(write(a[1], "x", 1), 1); /* what it no longer waits for */
    expect(batch(cothread_after(5 * COTHREAD_MILLISECOND)), 0);
    expect(write(b[1], "x", 1), 1);
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("1:0:1");
    wait_fd(task, a[0]); /* what was forgotten then is there now */
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("1:0:1");
    wait_for(task, COTHREAD_FOREVER); /* a wait without a descriptor after one with */
    expect(batch(cothread_after(COTHREAD_MILLISECOND)), 0);
    finish(task, 0);
    expect(cothread_submit(), 1);
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
    return nothing_left();
}
