/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void *task(void *name) {
    note("%s0", (char *)name);
    expect(cothread_yield(), 0);
    note("%s1", (char *)name);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    note("%s2", (char *)name);
    return NULL;
}

int main(void) {
    hosted(0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_detach(spawn(task, "a")), 0);
    expect(cothread_detach(spawn(task, "b")), 0);
    expect_order(""); /* only a poll runs them */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect_order("a0 b0"); /* one tick */
    while (statistics(cothread_current()).tasks_waiting + statistics(cothread_current()).tasks_ready > 0)
        expect(cothread_poll_scheduler(cothread_after(COTHREAD_SECOND)), 0);
    expect_order("a1 b1 a2 b2");
    return nothing_left();
}
