/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

enum { TASKS = 10000 };

int main(void) {
    static cothread_handle tasks[TASKS];
    static char seen[TASKS];
    int i, got = 0;
    hosted(0);
    for (i = 0; i < TASKS; i++) {
        tasks[i] = handle(cothread_host_create((uint64_t)i, NULL, 0));
        if (ring->request_count == ring->capacity)
            expect(cothread_submit(), ring->capacity);
        wait_for(tasks[i], COTHREAD_FOREVER);
    }
    expect(cothread_submit(), TASKS % 4096);
    expect(cothread_submit(), 0);
    expect(statistics(cothread_current()).tasks_waiting, TASKS);
    for (i = 0; i < TASKS; i++)
        expect(cothread_wakeup(tasks[i]), 1);
    while (got < TASKS) { /* more are ready than one batch holds */
        int count = cothread_poll_scheduler(COTHREAD_NOW);
        expect(count > 0 && count <= 4096, 1);
        for (i = 0; i < count; i++, got++) {
            expect(seen[ring->ready[i].token], 0);
            seen[ring->ready[i].token] = 1;
        }
    }
    for (i = 0; i < TASKS; i++) {
        if (ring->request_count == ring->capacity)
            expect(cothread_submit(), ring->capacity);
        finish(tasks[i], 0);
    }
    expect(cothread_submit(), TASKS % 4096);
    return nothing_left();
}
