/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { SIZE = 8 << 20 };
static char block[SIZE];
static cothread_handle scheduler;

static void *interrupts(void *unused) {
    expect(cothread_interrupt(scheduler), 0);
    return unused;
}

int main(void) {
    int fds[2];
    int64_t n;
    cothread_handle adopted, task;
    scheduler = handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    task = spawn(interrupts, NULL); /* it starts when the socket is full and main waits */
    n = cothread_write(adopted, block, SIZE, COTHREAD_FOREVER);
    expect(n > 0 && n < SIZE, 1);
    expect(cothread_write(adopted, block, SIZE, cothread_after(60 * COTHREAD_SECOND)), COTHREAD_EINTR);
    expect(cothread_write(adopted, block, SIZE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT); /* once */
    join(task);
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    return nothing_left();
}
