/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

enum { TASKS = 1000 };

int main(void) {
    static cothread_handle tasks[TASKS];
    int i, got = 0;
    hosted(0);
    for (i = 0; i < TASKS; i++) {
        tasks[i] = handle(cothread_host_create((uint64_t)i, NULL, 0));
        wait_for(tasks[i], COTHREAD_FOREVER);
    }
    expect(cothread_submit(), TASKS);
    for (i = 0; i < TASKS; i++)
        expect(cothread_wakeup(tasks[(i * 7) % TASKS]), 1);
    while (got < TASKS) {
        int count = cothread_poll_scheduler(COTHREAD_NOW);
        expect(count > 0, 1);
        for (i = 0; i < count; i++, got++)
            expect(ring->ready[i].token, (got * 7) % TASKS);
    }
    for (i = 0; i < TASKS; i++)
        finish(tasks[i], 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    return nothing_left();
}
