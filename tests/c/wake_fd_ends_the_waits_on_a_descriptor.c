/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int fds[2];

static void *reader(void *unused) {
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    return unused;
}

int main(void) {
    cothread_handle a, b;
    handle(cothread_create(NULL));
    expect(pipe(fds), 0);
    expect(cothread_wake_fd(fds[0]), 0);
    a = spawn(reader, NULL);
    b = spawn(reader, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_wake_fd(fds[0]), 2);
    close(fds[0]);
    close(fds[1]);
    join(a);
    join(b);
    expect(cothread_wake_fd(fds[0]), 0);
    return nothing_left();
}
