/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* The caller closes its descriptor and the number comes back as another pipe, again and again. */
static void *writer(void *fd) {
    expect(write(*(int *)fd, "x", 1), 1);
    return NULL;
}

int main(void) {
    int fds[2], first = -1, i;
    char byte;
    cothread_handle task;
    handle(cothread_create(NULL));
    for (i = 0; i < 100; i++) {
        expect(pipe(fds), 0);
        if (first < 0)
            first = fds[0];
        expect(fds[0], first);
        expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        task = spawn(writer, &fds[1]);
        expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
        expect(read(fds[0], &byte, 1), 1);
        join(task);
        close(fds[0]);
        close(fds[1]);
    }
    return nothing_left();
}
