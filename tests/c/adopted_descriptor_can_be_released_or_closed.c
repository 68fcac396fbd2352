/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>
#include <sys/socket.h>

static cothread_handle adopted;

static void *reader(void *unused) {
    char byte;
    expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    return unused;
}

static void *waiter(void *unused) {
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    return unused;
}

int main(void) {
    int fds[2];
    char byte;
    cothread_handle a, b;
    handle(cothread_create(NULL));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);

    adopted = handle(cothread_adopt(fds[0], 0));
    expect(cothread_descriptor(adopted), fds[0]);
    expect(cothread_adopt(fds[0], 0), COTHREAD_EEXIST);
    a = spawn(reader, NULL);
    b = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_release(adopted), fds[0]);
    join(a);
    join(b);
    expect(cothread_release(adopted), COTHREAD_EHANDLE);
    expect(cothread_descriptor(adopted), COTHREAD_EHANDLE);
    expect(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    expect(write(fds[1], "x", 1), 1); /* given back alive: the caller reads it as its own */
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(read(fds[0], &byte, 1), 1);

    adopted = handle(cothread_adopt(fds[0], 0));
    a = spawn(reader, NULL);
    b = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_close(adopted), 0);
    join(a);
    join(b);
    expect(fcntl(fds[0], F_GETFL), -1);
    expect(read(fds[1], &byte, 1), 0); /* the peer sees the end */
    close(fds[1]);
    return nothing_left();
}
