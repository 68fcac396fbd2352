/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    cothread_handle tasks[3];
    int i;
    hosted(0);
    for (i = 0; i < 3; i++) {
        tasks[i] = handle(cothread_host_create((uint64_t)i, NULL, 0));
        wait_for(tasks[i], COTHREAD_FOREVER);
    }
    expect(cothread_submit(), 3);
    expect(ring->request_count, 0);
    expect(cothread_wakeup(tasks[2]), 1);
    expect(cothread_wakeup(tasks[0]), 1);
    expect(cothread_wakeup(tasks[1]), 1);
    expect(batch(COTHREAD_FOREVER), 3);
    expect_order("2:0 0:0 1:0"); /* in the order they were woken */
    for (i = 0; i < 3; i++)
        finish(tasks[i], 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    return nothing_left();
}
