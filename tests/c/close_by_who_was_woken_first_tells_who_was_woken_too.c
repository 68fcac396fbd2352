/* SPDX-License-Identifier: Apache-2.0
 * Readiness wakes every reader. The first one may close the descriptor before the second has had its turn. */
#include "test.h"

static cothread_handle adopted;

static void *reads(void *name) {
    char byte;
    int64_t got = cothread_read(adopted, &byte, 1, COTHREAD_FOREVER);
    note("%s:%d", (char *)name, (int)got);
    if (got == 0)
        expect(cothread_close(adopted), 0);
    return NULL;
}

static void *waits(void *name) {
    note("%s:%d", (char *)name, cothread_wait_ready(adopted, COTHREAD_PRIORITY, COTHREAD_FOREVER));
    return NULL;
}

int main(void) {
    int fds[2];
    cothread_handle first, second, third;

    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    cothread_yield(); /* the first report: writable */
    first = spawn(reads, "first");
    second = spawn(reads, "second");
    cothread_yield();
    expect(close(fds[1]), 0);
    join(first);
    join(second);
    expect_order("first:0 second:-13");

    adopted = adopted_pair(fds);
    cothread_yield();
    first = spawn(reads, "reader");
    third = spawn(waits, "waiter");
    cothread_yield();
    expect(shutdown(fds[1], SHUT_WR), 0);
    join(first);
    join(third);
    expect_order("reader:0 waiter:-13");
    close(fds[1]);
    return nothing_left();
}
