/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

enum { CROWD = 100 };

int main(void) {
    cothread_handle scheduler = hosted(0), tasks[CROWD];
    cothread_stats stats;
    uint64_t before;
    int i, round;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    for (i = 0; i < CROWD; i++)
        tasks[i] = handle(cothread_host_create((uint64_t)i, NULL, 0));
    for (round = 0; round < 20; round++) {
        for (i = 0; i < CROWD; i++)
            wait_for(tasks[i], cothread_after(COTHREAD_MILLISECOND));
        for (i = 0; i < CROWD;)
            i += batch(COTHREAD_FOREVER);
        expect(cothread_statistics(scheduler, &stats), 0);
        before = stats.sleeps;
        for (i = 0; i < CROWD; i++)
            wait_for(tasks[i], i % 2 ? COTHREAD_NOW : cothread_now());
        for (i = 0; i < CROWD;)
            i += batch(COTHREAD_FOREVER);
        expect(cothread_statistics(scheduler, &stats), 0);
        expect(stats.sleeps - before, 0);
        order_length = 0;
    }
    for (i = 0; i < CROWD; i++)
        finish(tasks[i], 0);
    expect(cothread_submit(), CROWD);
    return nothing_left();
}
