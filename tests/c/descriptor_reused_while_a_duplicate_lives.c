/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* epoll keeps the old pipe registered through its duplicate: its readiness must not wake waits on the new one. */
static int fds[2];

static void *reader(void *unused) {
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    note("read");
    return unused;
}

int main(void) {
    int old[2], duplicate;
    cothread_handle task;
    handle(cothread_create(NULL));
    expect(pipe(old), 0);
    expect(cothread_wait_fd(old[0], COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    duplicate = dup(old[0]);
    close(old[0]);
    expect(pipe(fds), 0);
    expect(fds[0], old[0]);
    task = spawn(reader, NULL);
    expect(cothread_yield(), 0);
    expect(write(old[1], "x", 1), 1); /* the old pipe, whose reading end is `duplicate` */
    expect(cothread_sleep_until(cothread_after(5 * COTHREAD_MILLISECOND)), 0);
    expect_order("");
    expect(write(fds[1], "x", 1), 1);
    join(task);
    expect_order("read");
    close(duplicate);
    close(old[1]);
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
