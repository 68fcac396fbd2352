/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>

static int fds[2];

static void *reader(void *unused) {
    char byte;
    int i;
    for (i = 0; i < 3; i++) { /* what was not read is reported again */
        expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
        expect(read(fds[0], &byte, 1), 1);
        note("%c", byte);
    }
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    note("empty");
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(read(fds[0], &byte, 1), 1);
    note("%c", byte);
    return unused;
}

int main(void) {
    cothread_handle task;
    handle(cothread_create(NULL));
    expect(pipe(fds), 0);
    task = spawn(reader, NULL);
    expect(cothread_yield(), 0);
    expect(write(fds[1], "abc", 3), 3);
    while (strcmp(order, "a b c empty") != 0)
        expect(cothread_yield(), 0);
    expect(write(fds[1], "d", 1), 1);
    join(task);
    expect_order("a b c empty d");
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
