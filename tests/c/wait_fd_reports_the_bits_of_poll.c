/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>
#include <sys/socket.h>

int main(void) {
    int fds[2], pipes[2];
    handle(cothread_create(NULL));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    expect(cothread_wait_fd(fds[0], COTHREAD_WRITABLE, COTHREAD_FOREVER), COTHREAD_WRITABLE);
    expect(cothread_wait_fd(fds[0], COTHREAD_WRITABLE, COTHREAD_NOW), COTHREAD_WRITABLE);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE | COTHREAD_WRITABLE, COTHREAD_FOREVER),
           COTHREAD_READABLE | COTHREAD_WRITABLE);
    expect(shutdown(fds[1], SHUT_WR), 0);
    expect(cothread_wait_fd(fds[0], COTHREAD_READHUP, COTHREAD_FOREVER), COTHREAD_READHUP);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE | COTHREAD_READHUP, COTHREAD_FOREVER),
           COTHREAD_READABLE | COTHREAD_READHUP);
    close(fds[1]);
    /* hangup and error are reported unasked */
    expect(cothread_wait_fd(fds[0], COTHREAD_PRIORITY, COTHREAD_FOREVER) & COTHREAD_HANGUP, COTHREAD_HANGUP);
    close(fds[0]);
    expect(pipe(pipes), 0);
    close(pipes[0]);
    expect(cothread_wait_fd(pipes[1], COTHREAD_PRIORITY, COTHREAD_FOREVER) & COTHREAD_ERROR, COTHREAD_ERROR);
    close(pipes[1]);
    return nothing_left();
}
