/* A task that reads from a peer which always has data, or writes to one that always takes it, does no more than its share
 * before the others run: counted in turns of a task that yields, and not in time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include <poll.h>

enum { OPERATIONS = 16, BYTES = 256 << 10, ROUNDS = 50 };
static _Atomic int stop;
static cothread_handle busy;
static int64_t operations, bytes, most_operations, most_bytes;

/* The other side, in a thread: it always has data, and always takes it. */
static void *gives_and_takes(void *argument) {
    static char block[1 << 20];
    int fd = *(int *)argument;
    while (!stop) {
        struct pollfd one = {fd, POLLIN | POLLOUT, 0};
        if (poll(&one, 1, 100) > 0) {
            if (one.revents & POLLOUT)
                (void)!send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (one.revents & POLLIN)
                (void)!recv(fd, block, sizeof block, MSG_DONTWAIT);
        }
    }
    return NULL;
}

static void *reads(void *size) {
    static char block[1 << 20];
    while (!stop) {
        int64_t n = cothread_connection_read(busy, block, *(size_t *)size, COTHREAD_FOREVER);
        if (n < 0)
            break;
        operations++;
        bytes += n;
    }
    return NULL;
}

static void *writes(void *size) {
    static char block[1 << 20];
    while (!stop && cothread_connection_write(busy, block, *(size_t *)size, NULL, COTHREAD_FOREVER) == 0) {
        operations++;
        bytes += (int64_t)*(size_t *)size;
    }
    return NULL;
}

static void share_of(cothread_function function, size_t size) {
    cothread_handle task;
    pthread_t thread;
    int fds[2], i;
    tcp_pair(fds);
    stop = 0;
    most_operations = most_bytes = 0;
    busy = connection_of(fds[0]);
    expect(pthread_create(&thread, NULL, gives_and_takes, &fds[1]), 0);
    task = spawn(function, &size);
    for (i = 0; i < ROUNDS; i += operations > 0 || bytes > 0) { /* between two of these turns there is one tick */
        operations = bytes = 0;
        expect(cothread_yield(), 0);
        most_operations = operations > most_operations ? operations : most_operations;
        most_bytes = bytes > most_bytes ? bytes : most_bytes;
    }
    stop = 1;
    expect(cothread_close(busy), 0);
    join(task);
    pthread_join(thread, NULL);
    close(fds[1]);
    expect(most_operations <= OPERATIONS, 1);
    expect(most_bytes < 2 * BYTES + (int64_t)size, 1);
}

int main(void) {
    handle(cothread_create(NULL));
    share_of(reads, 1);
    share_of(reads, 1 << 20);
    share_of(writes, 1);
    share_of(writes, 1 << 20);
    return nothing_left();
}
