/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

/* Ten bytes and the FIN are one edge of epoll. A reader that goes back to waiting after its short read never ends. */
static cothread_handle adopted;

static void *reader(void *unused) {
    char buffer[64];
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 10);
    expect(memcmp(buffer, "0123456789", 10), 0);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 0);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    int fds[2], round;
    cothread_handle task;
    handle(cothread_create(NULL));
    for (round = 0; round < 4; round++) { /* the reader waits already, or not; the peer closes, or shuts down */
        expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        adopted = handle(cothread_adopt(fds[0], 0));
        task = spawn(reader, NULL);
        if (round & 1)
            expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
        expect(write(fds[1], "0123456789", 10), 10);
        if (round & 2)
            expect(shutdown(fds[1], SHUT_WR), 0);
        else
            close(fds[1]);
        join(task);
        expect(cothread_close(adopted), 0);
        if (round & 2)
            close(fds[1]);
    }
    return nothing_left();
}
