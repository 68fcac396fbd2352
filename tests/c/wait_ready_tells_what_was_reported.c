/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle adopted;

static void *waiter(void *unused) {
    char buffer[8];
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    note("ready");
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_NOW), 1);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* found nothing */
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)),
           COTHREAD_ETIMEDOUT);
    expect(cothread_wait_ready(adopted, COTHREAD_WRITABLE, COTHREAD_FOREVER) & COTHREAD_WRITABLE, COTHREAD_WRITABLE);
    note("again");
    expect(cothread_wait_ready(adopted, COTHREAD_READHUP, COTHREAD_FOREVER) & COTHREAD_READHUP, COTHREAD_READHUP);
    expect(cothread_wait_ready(adopted, COTHREAD_READHUP, COTHREAD_NOW) & COTHREAD_READHUP, COTHREAD_READHUP);
    return unused;
}

int main(void) {
    int fds[2];
    cothread_handle task;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    expect(cothread_wait_ready(adopted, 0, COTHREAD_NOW), COTHREAD_EINVAL);
    task = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    expect_order("");
    expect(write(fds[1], "x", 1), 1);
    while (strcmp(order, "ready again") != 0)
        expect(cothread_yield(), 0);
    close(fds[1]);
    join(task);
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
