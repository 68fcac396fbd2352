/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

static cothread_handle ours, theirs;

static void *peer(void *unused) { /* reads to the end, then answers */
    char buffer[16];
    int64_t got, total = 0;
    while ((got = cothread_read(theirs, buffer, sizeof buffer, COTHREAD_FOREVER)) > 0)
        total += got;
    expect(got, 0);
    expect(total, 8);
    expect(cothread_write(theirs, "answer", 6, COTHREAD_FOREVER), 6);
    expect(cothread_close(theirs), 0);
    return unused;
}

int main(void) {
    int fds[2];
    char buffer[16];
    cothread_handle task;
    handle(cothread_create(NULL));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours = handle(cothread_adopt(fds[0], 0));
    theirs = handle(cothread_adopt(fds[1], 0));
    task = spawn(peer, NULL);
    expect(cothread_write(ours, "question", 8, COTHREAD_FOREVER), 8);
    expect(shutdown(cothread_descriptor(ours), SHUT_WR), 0);
    expect(cothread_read(ours, buffer, sizeof buffer, COTHREAD_FOREVER), 6);
    expect(cothread_read(ours, buffer, sizeof buffer, COTHREAD_FOREVER), 0);
    join(task);
    expect(cothread_close(ours), 0);
    return nothing_left();
}
