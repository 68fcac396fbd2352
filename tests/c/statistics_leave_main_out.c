/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler, event;

static void *waits(void *unused) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *counts(void *unused) {
    cothread_stats stats = statistics(scheduler); /* one task waits, this one runs, and main waits for both */
    expect(stats.tasks_waiting, 1);
    expect(stats.tasks_ready, 1);
    expect(cothread_event_signal(event, NULL), 1);
    stats = statistics(scheduler);
    expect(stats.tasks_waiting, 0);
    expect(stats.tasks_ready, 2);
    return unused;
}

int main(void) {
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    expect(cothread_detach(spawn(waits, NULL)), 0);
    expect(cothread_detach(spawn(counts, NULL)), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    return nothing_left();
}
