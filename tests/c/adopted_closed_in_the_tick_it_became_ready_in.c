/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

/* Both descriptors are reported at once. The first reader closes the other one, and its number comes back as a new one:
 * what was reported for the old one must not reach it. */
static cothread_handle first, second, fresh;
static int fresh_fds[2];

static void *closes_the_other(void *unused) {
    char byte;
    int number = cothread_descriptor(second);
    expect(cothread_read(first, &byte, 1, COTHREAD_FOREVER), 1);
    expect(cothread_close(second), 0);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fresh_fds), 0);
    expect(fresh_fds[0], number);
    fresh = handle(cothread_adopt(fresh_fds[0], 0));
    expect(cothread_read(fresh, &byte, 1, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    return unused;
}

static void *is_closed(void *unused) {
    char byte;
    int64_t got = cothread_read(second, &byte, 1, COTHREAD_FOREVER);
    expect(got == 1 || got == COTHREAD_ECLOSED, 1); /* woken first, or closed first */
    return unused;
}

int main(void) {
    int a[2], b[2];
    cothread_handle tasks[2];
    handle(cothread_create(NULL));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
    first = handle(cothread_adopt(a[0], 0));
    second = handle(cothread_adopt(b[0], 0));
    tasks[0] = spawn(closes_the_other, NULL);
    tasks[1] = spawn(is_closed, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0); /* both wait in the kernel */
    expect(write(b[1], "x", 1), 1);
    expect(write(a[1], "x", 1), 1);
    join(tasks[0]);
    expect(cothread_join(tasks[1], NULL, COTHREAD_FOREVER), 0);
    expect(cothread_close(first), 0);
    expect(cothread_close(fresh), 0);
    close(a[1]);
    close(b[1]);
    close(fresh_fds[1]);
    return nothing_left();
}
