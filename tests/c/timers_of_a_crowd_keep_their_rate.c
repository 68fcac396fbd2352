/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

/* Eight tasks with a timer of 2 kHz each: every expiry is told to its task, once, however late; and few come late, measured by
 * the same tasks that sleep until each deadline. The machine may hold up a run of either kind, so it is repeated until timers
 * do as well. */
enum { TASKS = 8, EXPIRIES = 100, ATTEMPTS = 100 };
#define PERIOD (COTHREAD_MILLISECOND / 2)

static long turns;

static void *by_a_timer(void *unused) {
    cothread_handle timer = handle(cothread_timer_create(0));
    int64_t first = cothread_after(PERIOD), count = 0;
    expect(cothread_timer_set(timer, first, PERIOD), 0);
    while (count < EXPIRIES) {
        int n = expiries(timer, COTHREAD_FOREVER);
        expect(n >= 1, 1);
        count += n;
        expect(expired_at, first + (count - 1) * PERIOD);
        turns++;
    }
    expect(cothread_close(timer), 0);
    return unused;
}

static void *by_deadlines(void *unused) {
    int64_t next = cothread_after(PERIOD), end = next + EXPIRIES * PERIOD;
    while (next < end) {
        expect(cothread_sleep_until(next), 0);
        next += (cothread_now() - next) / PERIOD * PERIOD + PERIOD;
        turns++;
    }
    return unused;
}

static long turns_of(cothread_function periodic) {
    turns = 0;
    for (int i = 0; i < TASKS; i++)
        expect(cothread_detach(spawn(periodic, NULL)), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    return turns;
}

int main(void) {
    long timers = 0, deadlines = 0;
    handle(cothread_create(NULL));
    for (int i = 0; i < ATTEMPTS; i++) {
        deadlines = turns_of(by_deadlines);
        timers = turns_of(by_a_timer);
        if (timers >= 0.9 * (double)deadlines)
            return nothing_left();
    }
    fail_at(__FILE__, __LINE__, "%ld turns by timers, %ld by deadlines", timers, deadlines);
}
