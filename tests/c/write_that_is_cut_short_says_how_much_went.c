/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

enum { SIZE = 8 << 20 };
static char block[SIZE];

static void *writer(void *adopted) {
    int64_t n = cothread_write(*(cothread_handle *)adopted, block, SIZE, COTHREAD_FOREVER);
    expect(n > 0 && n < SIZE, 1);
    expect(cothread_write(*(cothread_handle *)adopted, block, SIZE, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return NULL;
}

static void open_pair(int *fds, cothread_handle *adopted) {
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *adopted = handle(cothread_adopt(fds[0], 0));
}

int main(void) {
    int fds[2];
    int64_t n;
    cothread_handle adopted, task;
    handle(cothread_create(NULL));

    open_pair(fds, &adopted); /* by a deadline */
    n = cothread_write(adopted, block, SIZE, cothread_after(COTHREAD_MILLISECOND));
    expect(n > 0 && n < SIZE, 1);
    expect(cothread_write(adopted, block, SIZE, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* nothing went */
    expect(cothread_close(adopted), 0);
    close(fds[1]);

    open_pair(fds, &adopted); /* by a cancel */
    task = spawn(writer, &adopted);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    return nothing_left();
}
