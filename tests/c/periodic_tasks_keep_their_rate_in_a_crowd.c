/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* How many turns a task of 2 kHz gets among a few and among many. The machine may hold up a run of
 * either kind, so it is repeated until many do as well as few; a delay that a crowd brings with it
 * would hold up every run. */
enum { FEW = 4, MANY = 60, ATTEMPTS = 100 };
#define PERIOD (COTHREAD_MILLISECOND / 2)
#define RUN (50 * COTHREAD_MILLISECOND)

static int64_t end;
static long turns;

static void *periodic(void *unused) {
    int64_t next = cothread_now();
    while (cothread_now() < end) {
        expect(cothread_sleep_until(next += PERIOD), 0);
        turns++;
    }
    return unused;
}

static double turns_each(int tasks) {
    turns = 0;
    end = cothread_after(RUN);
    for (int i = 0; i < tasks; i++)
        expect(cothread_detach(spawn(periodic, NULL)), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    return (double)turns / tasks;
}

int main(void) {
    double few = 0, many = 0;
    handle(cothread_create(NULL));
    for (int i = 0; i < ATTEMPTS; i++) {
        few = turns_each(FEW);
        many = turns_each(MANY);
        if (few >= 0.9 * (RUN / PERIOD) && many >= 0.9 * few)
            return nothing_left();
    }
    fail_at(__FILE__, __LINE__, "%d tasks had %.0f turns each, %d had %.0f", FEW, few, MANY, many);
}
