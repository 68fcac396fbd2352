/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* A task that always yields keeps the scheduler from sleeping; it must look at descriptors and deadlines all the same. */
static int fds[2], stop;

static void *busy(void *unused) {
    while (!stop)
        expect(cothread_yield(), 0);
    return unused;
}

static void *reader(void *unused) {
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    stop = 1;
    return unused;
}

int main(void) {
    cothread_handle a, b;
    handle(cothread_create(NULL));
    expect(pipe(fds), 0);
    a = spawn(busy, NULL);
    b = spawn(reader, NULL);
    expect(cothread_yield(), 0);
    expect(write(fds[1], "x", 1), 1);
    join(a);
    join(b);
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
