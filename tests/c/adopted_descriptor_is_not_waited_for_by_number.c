/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    int fds[2];
    char byte;
    cothread_handle adopted;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_EEXIST);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), 1); /* not disturbed */
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    return nothing_left();
}
