/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    int fds[2];
    char buffer[8];
    cothread_handle stream;
    handle(cothread_create(NULL));
    stream = adopted_pair(fds);
    expect(write(fds[1], "xyz", 3), 3);
    expect(cothread_wait_ready(stream, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    expect(cothread_wait_ready(stream, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    expect(cothread_read(stream, buffer, 1, COTHREAD_FOREVER), 1); /* leaves two */
    expect(cothread_wait_ready(stream, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    expect(cothread_read(stream, buffer, sizeof buffer, COTHREAD_FOREVER), 2);
    expect(cothread_read(stream, buffer, sizeof buffer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_ready(stream, COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_close(stream), 0);
    close(fds[1]);
    return nothing_left();
}
