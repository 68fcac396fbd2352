/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    cothread_handle scheduler = hosted(0), task = handle(cothread_host_create(1, "host", 0));
    cothread_stats stats;
    ring->current = task;
    ring->switches = 5;
    wait_for(task, COTHREAD_FOREVER);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    stats = statistics(scheduler);
    expect(stats.host_switches, 5);
    expect(stats.tasks_waiting, 1);
    expect(cothread_wakeup(task), 1);
    expect(statistics(scheduler).tasks_ready, 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    ring->current = 0;
    finish(task, 0);
    expect(cothread_submit(), 1);
    return nothing_left();
}
