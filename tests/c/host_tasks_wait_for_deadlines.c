/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    static const int64_t past[] = {COTHREAD_NOW, COTHREAD_NOW + 1, -1, 0, 1};
    cothread_handle tasks[3];
    int64_t base, next, far;
    int i, in_time = 0;
    hosted(0);
    for (i = 0; i < 3; i++)
        tasks[i] = handle(cothread_host_create((uint64_t)(i + 1), NULL, 0));
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0); /* created is not ready */
    for (far = COTHREAD_MILLISECOND; !in_time; far *= 2) { /* until the machine takes the requests before the first deadline */
        base = cothread_after(far);
        wait_for(tasks[0], base + 2 * COTHREAD_MILLISECOND);
        wait_for(tasks[1], base);
        wait_for(tasks[2], base + COTHREAD_MILLISECOND);
        expect(cothread_submit(), 3);
        in_time = cothread_now() < base;
        for (i = 0; i < 3;)
            i += batch(COTHREAD_FOREVER);
        if (in_time)
            expect_order("2:-10 3:-10 1:-10");
        order_length = 0;
    }
    for (i = 0; i < 5; i++) {
        wait_for(tasks[0], past[i]); /* passed: in the next batch */
        wait_for(tasks[1], past[i]);
        expect(batch(past[i]), 2);
    }
    expect_order("1:-10 2:-10 1:-10 2:-10 1:-10 2:-10 1:-10 2:-10 1:-10 2:-10");
    wait_for(tasks[0], COTHREAD_FOREVER - 1);
    wait_for(tasks[1], COTHREAD_FOREVER);
    expect(batch(cothread_after(COTHREAD_MILLISECOND)), 0);
    expect(cothread_next_deadline(&next), 0);
    expect(next, COTHREAD_FOREVER - 1);
    for (i = 0; i < 2; i++)
        expect(cothread_cancel(tasks[i]), 0);
    expect(batch(COTHREAD_FOREVER - 1), 2);
    expect_order("1:-11 2:-11");
    for (i = 0; i < 3; i++)
        finish(tasks[i], 0);
    expect(cothread_submit(), 3);
    return nothing_left();
}
