/* SPDX-License-Identifier: Apache-2.0
 * A thread that ends without destroying its scheduler: its peers are told at once, and not when another one is created. */
#include "test.h"

static int fds[2];

static void *leaves_it_alive(void *unused) {
    handle(cothread_create(NULL));
    handle(cothread_adopt(fds[0], 0));
    return unused;
}

int main(void) {
    pthread_t thread;
    char byte;
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    expect(pthread_create(&thread, NULL, leaves_it_alive, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(read(fds[1], &byte, 1), 0);
    return 0;
}
