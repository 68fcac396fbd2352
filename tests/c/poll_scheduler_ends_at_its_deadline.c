/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static const int64_t past[] = {COTHREAD_NOW, COTHREAD_NOW + 1, -1, 0, 1};
static int ticks;

static void *yields(void *unused) {
    while (cothread_yield() == 0)
        ticks++;
    return unused;
}

static void *waits(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    cothread_handle busy, waiting;
    int64_t deadline;
    size_t i;
    int before;
    hosted(0);
    for (i = 0; i < sizeof past / sizeof *past; i++)
        expect(cothread_poll_scheduler(past[i]), 0);
    deadline = cothread_after(2 * COTHREAD_MILLISECOND);
    do
        expect(cothread_poll_scheduler(deadline), 0); /* any signal, Go's SIGURG too, may end it sooner */
    while (cothread_now() < deadline);
    waiting = spawn(waits, NULL);
    deadline = cothread_after(2 * COTHREAD_MILLISECOND);
    do
        expect(cothread_poll_scheduler(deadline), 0);
    while (cothread_now() < deadline);
    expect(cothread_wakeup(waiting), 1);

    busy = spawn(yields, NULL); /* always ready: one that looks runs one tick, and a deadline still ends the poll */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    before = ticks;
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(ticks, before + 1);
    expect(cothread_poll_scheduler(cothread_after(2 * COTHREAD_MILLISECOND)), 0);
    expect(ticks > before + 1, 1);
    expect(cothread_cancel(busy), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_join(busy, NULL, COTHREAD_NOW), 0);
    expect(cothread_join(waiting, NULL, COTHREAD_NOW), 0);
    return nothing_left();
}
