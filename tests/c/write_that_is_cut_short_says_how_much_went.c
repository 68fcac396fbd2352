/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

enum { SIZE = 8 << 20 };
static char block[SIZE];

static void *writer(void *stream) {
    int64_t n = cothread_write(*(cothread_handle *)stream, block, SIZE, COTHREAD_FOREVER);
    expect(n > 0 && n < SIZE, 1);
    expect(cothread_write(*(cothread_handle *)stream, block, SIZE, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return NULL;
}

static void open_pair(int *fds, cothread_handle *stream) {
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *stream = handle(cothread_adopt(fds[0]));
}

int main(void) {
    int fds[2];
    int64_t n;
    cothread_handle stream, task;
    handle(cothread_create(NULL));

    open_pair(fds, &stream); /* by a deadline */
    n = cothread_write(stream, block, SIZE, cothread_after(COTHREAD_MILLISECOND));
    expect(n > 0 && n < SIZE, 1);
    expect(cothread_write(stream, block, SIZE, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* nothing went */
    expect(cothread_close(stream), 0);
    close(fds[1]);

    open_pair(fds, &stream); /* by a cancel */
    task = spawn(writer, &stream);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    expect(cothread_close(stream), 0);
    close(fds[1]);
    return nothing_left();
}
