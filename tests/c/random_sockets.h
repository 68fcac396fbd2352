/* random_sockets.h - connections live and die in every way at once, on few descriptor numbers: by number and adopted,
 * closed by either end, released, woken, in the middle of reads and writes. No byte may appear on a connection it was
 * not written to, and no wait may outlive its descriptor.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RANDOM_SOCKETS_H
#define RANDOM_SOCKETS_H

#include <sys/socket.h>

#include "test.h"
#include "random.h"

enum { TASKS = 40, LIVES = 60 };

typedef struct {
    int fds[2];
    unsigned char mark; /* all that is written on this connection */
    cothread_handle adopted;
    int by_number;
} connection;

static void *peer(void *argument) { /* writes some, sometimes reads, closes */
    connection *c = argument;
    char block[3000];
    size_t left = below(20000);
    memset(block, c->mark, sizeof block);
    while (left > 0) {
        ssize_t n = send(c->fds[1], block, left < sizeof block ? left : sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            left -= (size_t)n;
        else if (errno != EAGAIN)
            break; /* the other end is gone */
        else if (cothread_wait_fd(c->fds[1], COTHREAD_WRITABLE, cothread_after(COTHREAD_MILLISECOND)) == COTHREAD_ETIMEDOUT)
            break;
        if (below(3) == 0)
            expect(cothread_yield(), 0);
    }
    cothread_wake_fd(c->fds[1]);
    close(c->fds[1]);
    return NULL;
}

static int64_t receive(connection *c, char *block, size_t size) {
    for (;;) {
        ssize_t n;
        int ready;
        if (!c->by_number)
            return cothread_read(c->adopted, block, size, cothread_after(3 * COTHREAD_MILLISECOND));
        n = recv(c->fds[0], block, size, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN)
            return n;
        ready = cothread_wait_fd(c->fds[0], COTHREAD_READABLE, cothread_after(3 * COTHREAD_MILLISECOND));
        if (ready < 0)
            return ready;
    }
}

static void *lives(void *unused) {
    int i, j;
    for (i = 0; i < LIVES; i++) {
        connection c = {.mark = (unsigned char)below(256), .by_number = (int)below(2)};
        cothread_handle other;
        char block[2000];
        int64_t n;
        int patience = (int)below(30);
        expect(socketpair(AF_UNIX, SOCK_STREAM, 0, c.fds), 0);
        if (!c.by_number)
            c.adopted = handle(cothread_adopt(c.fds[0], 0));
        other = spawn(peer, &c);
        while ((n = receive(&c, block, sizeof block)) > 0 && patience-- > 0)
            for (j = 0; j < n; j++)
                expect((unsigned char)block[j], c.mark);
        if (n < 0 && n != COTHREAD_ETIMEDOUT && !(n == COTHREAD_ESYSTEM && errno == ECONNRESET) && n != -1)
            fail_at(__FILE__, __LINE__, "a read gave %lld: %s", (long long)n, cothread_last_error());
        if (c.by_number) {
            cothread_wake_fd(c.fds[0]);
            close(c.fds[0]);
        } else if (below(2)) {
            expect(cothread_close(c.adopted), 0);
        } else {
            expect(cothread_release(c.adopted), c.fds[0]);
            close(c.fds[0]);
        }
        join(other);
    }
    return unused;
}

#endif
