/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int ticks;

static void *stubborn(void *unused) {
    for (;;) {
        cothread_sleep_until(COTHREAD_FOREVER);
        ticks++;
    }
    return unused;
}

int main(void) {
    int64_t deadline;
    int ended_at;
    cothread_handle scheduler = handle(cothread_create(NULL));
    spawn(stubborn, NULL);
    expect(cothread_yield(), 0);
    deadline = cothread_after(20 * COTHREAD_MILLISECOND);
    expect(cothread_destroy(scheduler, deadline), 1);
    expect(cothread_now() >= deadline, 1);
    expect(ticks > 0, 1);
    ended_at = ticks;

    scheduler = handle(cothread_create(NULL)); /* the abandoned one never runs again */
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    expect(ticks, ended_at);
    spawn(stubborn, NULL);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 1);
    return 0;
}
