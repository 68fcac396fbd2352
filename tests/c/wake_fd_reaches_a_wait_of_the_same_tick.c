/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* The second task wakes and closes before the scheduler has had a moment to register the wait of the first. */
static int fds[2];

static void *reader(void *unused) {
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("closed");
    return unused;
}

static void *closer(void *unused) {
    expect(cothread_wake_fd(fds[0]), 1);
    close(fds[0]);
    return unused;
}

int main(void) {
    cothread_handle a, b;
    handle(cothread_create(NULL));
    expect(pipe(fds), 0);
    a = spawn(reader, NULL);
    b = spawn(closer, NULL);
    join(a);
    join(b);
    expect_order("closed");
    close(fds[1]);
    return nothing_left();
}
