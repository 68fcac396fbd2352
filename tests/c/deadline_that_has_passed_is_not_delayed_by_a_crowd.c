/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* With a deadline that has passed a wait is a yield, however many tasks have one: nothing may block
 * meanwhile. */
enum { ROUNDS = 100 };
static cothread_handle scheduler, event;

static uint64_t sleeps(void) {
    cothread_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    expect(cothread_statistics(scheduler, &stats), 0);
    return stats.sleeps;
}

static void *sleep_until_now(void *unused) {
    for (int i = 0; i < ROUNDS; i++)
        expect(cothread_sleep_until(COTHREAD_NOW), 0);
    return unused;
}

static void *sleep_until_a_past_time(void *unused) {
    for (int i = 0; i < ROUNDS; i++)
        expect(cothread_sleep_until(cothread_after(-COTHREAD_MILLISECOND)), 0);
    return unused;
}

static void *sleep_until_this_moment(void *unused) {
    for (int i = 0; i < ROUNDS; i++)
        expect(cothread_sleep_until(cothread_now()), 0);
    return unused;
}

static void *wait_until_this_moment(void *unused) {
    for (int i = 0; i < ROUNDS; i++)
        expect(cothread_wait_until(cothread_now()), COTHREAD_ETIMEDOUT);
    return unused;
}

static void *wait_for_an_event_until_this_moment(void *unused) {
    for (int i = 0; i < ROUNDS; i++)
        expect(cothread_event_wait(event, NULL, cothread_now()), COTHREAD_ETIMEDOUT);
    return unused;
}

static void *sleep_a_little(void *unused) {
    for (int i = 0; i < 3; i++)
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    return unused;
}

static void crowd(cothread_function function, int count) {
    while (count-- > 0)
        expect(cothread_detach(spawn(function, NULL)), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
}

int main(void) {
    static const cothread_function functions[] = {
        sleep_until_now, sleep_until_a_past_time, sleep_until_this_moment, wait_until_this_moment,
        wait_for_an_event_until_this_moment};
    static const int counts[] = {1, 7, 9, 100};
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            uint64_t before;
            crowd(sleep_a_little, counts[c]); /* a crowd of deadlines has just come up */
            before = sleeps();
            crowd(functions[f], counts[c]);
            expect(sleeps() - before, 0);
        }
    }
    expect(cothread_close(event), 0);
    return nothing_left();
}
