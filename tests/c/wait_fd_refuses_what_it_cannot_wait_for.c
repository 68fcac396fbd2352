/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    int fds[2];
    handle(cothread_create(NULL));
    expect(pipe(fds), 0);
    expect(cothread_wait_fd(fds[0], 0, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_wait_fd(fds[0], 0x40000000u, COTHREAD_NOW), COTHREAD_EINVAL);
    close(fds[0]);
    close(fds[1]);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_EBADF);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_EBADF);
    expect(cothread_wait_fd(1 << 30, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_EBADF);
    expect(cothread_wait_fd(-1, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_EBADF);
    expect(cothread_wake_fd(fds[0]), 0);
    expect(cothread_adopt(fds[0], 0), COTHREAD_EBADF);
    expect(cothread_adopt(-1, 0), COTHREAD_EBADF);
    return nothing_left();
}
