/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

enum { SIZE = 4 << 20 };
static cothread_handle writing, reading;
static unsigned char sent[SIZE], got[SIZE];

static void *writer(void *unused) {
    expect(cothread_write(writing, sent, SIZE, COTHREAD_FOREVER), SIZE);
    expect(cothread_close(writing), 0);
    return unused;
}

int main(void) {
    int fds[2], i;
    int64_t n, total = 0;
    cothread_handle task;
    handle(cothread_create(NULL));
    for (i = 0; i < SIZE; i++)
        sent[i] = (unsigned char)(i * 7 + (i >> 8));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    writing = handle(cothread_adopt(fds[0], 0));
    reading = handle(cothread_adopt(fds[1], 0));
    task = spawn(writer, NULL);
    while ((n = cothread_read(reading, got + total, 5000, COTHREAD_FOREVER)) > 0) {
        total += n;
        if (total % 3 == 0)
            expect(cothread_yield(), 0); /* slower than the writer */
    }
    expect(n, 0);
    expect(total, SIZE);
    expect(memcmp(sent, got, SIZE), 0);
    join(task);
    expect(cothread_close(reading), 0);
    return nothing_left();
}
