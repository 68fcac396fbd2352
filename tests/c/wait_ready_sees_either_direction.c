/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

/* One wait for both: the writable half must end it although nothing becomes readable. */
static cothread_handle adopted;
static char block[1 << 20];

static void *waiter(void *unused) {
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE | COTHREAD_WRITABLE, COTHREAD_FOREVER) & COTHREAD_WRITABLE,
           COTHREAD_WRITABLE);
    note("writable");
    return unused;
}

int main(void) {
    int fds[2];
    cothread_handle task;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    while (cothread_write(adopted, block, sizeof block, cothread_after(COTHREAD_MILLISECOND)) > 0)
        continue; /* until it is full */
    task = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    expect_order("");
    while (recv(fds[1], block, sizeof block, MSG_DONTWAIT) > 0)
        continue;
    join(task);
    expect_order("writable");
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    return nothing_left();
}
