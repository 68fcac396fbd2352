/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include <sys/socket.h>

static void wait_fd(cothread_handle task, int fd, uint32_t events, int64_t deadline) {
    request((cothread_request){.task = task, .operation = COTHREAD_WAIT, .fd = fd, .deadline = deadline, .object = events});
}

int main(void) {
    int fds[2], closed[2];
    cothread_handle task;
    hosted(0);
    task = handle(cothread_host_create(5, NULL, 0));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    expect(pipe(closed), 0);
    close(closed[0]);
    close(closed[1]);

    wait_fd(task, fds[0], COTHREAD_READABLE, COTHREAD_FOREVER);
    expect(batch(COTHREAD_NOW), 0);
    expect(write(fds[1], "x", 1), 1);
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("5:0:1");
    wait_fd(task, fds[0], COTHREAD_READABLE | COTHREAD_WRITABLE, COTHREAD_FOREVER); /* level-triggered */
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("5:0:5");
    wait_fd(task, fds[1], COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND));
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("5:-10");
    wait_fd(task, closed[0], COTHREAD_READABLE, COTHREAD_FOREVER);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("5:-19");
    wait_fd(task, fds[0], 0, COTHREAD_FOREVER);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("5:-1");
    wait_fd(task, fds[1], COTHREAD_READABLE, COTHREAD_FOREVER);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_wake_fd(fds[1]), 1);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("5:-13");
    finish(task, 0);
    expect(batch(COTHREAD_NOW), 0);
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
