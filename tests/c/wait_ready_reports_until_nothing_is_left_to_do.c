/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    int fds[2];
    char buffer[8];
    cothread_handle adopted;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    expect(write(fds[1], "xyz", 3), 3);
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    expect(cothread_read(adopted, buffer, 1, COTHREAD_FOREVER), 1); /* leaves two */
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 2);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    return nothing_left();
}
