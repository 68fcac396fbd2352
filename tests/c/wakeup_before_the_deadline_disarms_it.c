/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* The deadline of a wait that was woken must not end a later wait. */
static void *waiter(void *deadline) {
    if (cothread_wait_until(*(int64_t *)deadline) != 0)
        _exit(0); /* the machine slept through all of it: nothing to see in this run */
    note("first");
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    note("second");
    return NULL;
}

int main(void) {
    int64_t deadline = cothread_after(100 * COTHREAD_MILLISECOND);
    cothread_handle task;
    handle(cothread_create(NULL));
    task = spawn(waiter, &deadline);
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(task), 1);
    expect(cothread_sleep_until(deadline + COTHREAD_MILLISECOND), 0);
    expect_order("first");
    expect(cothread_wakeup(task), 1);
    join(task);
    expect_order("second");
    return nothing_left();
}
