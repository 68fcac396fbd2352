/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    cothread_handle tasks[3];
    int64_t base;
    int i;
    hosted(0);
    for (i = 0; i < 3; i++)
        tasks[i] = handle(cothread_host_create((uint64_t)(i + 1), NULL));
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0); /* created is not ready */
    base = cothread_after(COTHREAD_MILLISECOND);
    wait_for(tasks[0], base + 2 * COTHREAD_MILLISECOND);
    wait_for(tasks[1], base);
    wait_for(tasks[2], base + COTHREAD_MILLISECOND);
    for (i = 0; i < 3;)
        i += batch(COTHREAD_FOREVER);
    expect_order("2:-10 3:-10 1:-10");
    wait_for(tasks[0], COTHREAD_NOW); /* passed: in the next batch */
    wait_for(tasks[1], 0);
    expect(batch(COTHREAD_NOW), 2);
    expect_order("1:-10 2:-10");
    for (i = 0; i < 3; i++)
        finish(tasks[i], 0);
    expect(cothread_submit(), 3);
    return nothing_left();
}
