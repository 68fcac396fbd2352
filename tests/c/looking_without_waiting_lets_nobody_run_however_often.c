/* SPDX-License-Identifier: Apache-2.0
 * Of operations that are served at once the 1001st of a tick yields; with COTHREAD_NOW none does. */
#include "test.h"

enum { MANY = 5000 };
static int ran;

static void *runs(void *argument) {
    ran++;
    return argument;
}

int main(void) {
    int fds[2], i;
    char byte = 'x';
    cothread_handle adopted, task;

    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    task = spawn(runs, NULL);
    for (i = 0; i < MANY; i++) {
        expect(cothread_write(adopted, &byte, 1, COTHREAD_NOW), 1);
        expect(write(fds[1], &byte, 1), 1);
        expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_NOW) > 0, 1);
        expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), 1);
        expect(read(fds[1], &byte, 1), 1);
        expect(cothread_wait_fd(fds[1], COTHREAD_WRITABLE, COTHREAD_NOW), COTHREAD_WRITABLE);
        expect(cothread_wait_fd(-1, COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_EBADF);
    }
    expect(ran, 0);
    for (i = 0; i < MANY; i++) {
        expect(write(fds[1], &byte, 1), 1);
        expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), 1);
    }
    expect(ran, 1);
    join(task);
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
