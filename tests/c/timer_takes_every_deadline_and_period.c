/* SPDX-License-Identifier: Apache-2.0 */
#include "deadlines.h"
#include "timer.h"

static cothread_handle timer;

static int64_t wait_for_timer(int64_t deadline) {
    return expiries(timer, deadline);
}

static void set_to_now(void) {
    expect(cothread_timer_set(timer, COTHREAD_NOW, 0), 0);
}

int main(void) {
    static const int64_t periods[] = {0, 1, COTHREAD_SECOND, INT64_MAX / 2, INT64_MAX};
    handle(cothread_create(NULL));
    timer = handle(cothread_timer_create(0));
    every_row((const row[]){{"a wait for a timer", wait_for_timer, set_to_now, 1}}, 1);
    for (size_t p = 0; p < sizeof periods / sizeof *periods; p++) {
        for (size_t i = 0; i < sizeof past / sizeof *past; i++) {
            int64_t before = cothread_now();
            expect(cothread_timer_set(timer, past[i], periods[p]) >= 0, 1);
            int count = expiries(timer, COTHREAD_FOREVER);
            expect(count >= 1, 1);
            if (!periods[p] || periods[p] > COTHREAD_SECOND) /* else the next may be due already */
                expect(expiries(timer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
            if (past[i] == COTHREAD_NOW)
                expect(expired_at >= before, 1);
            else if (periods[p] == 1)
                expect(count, INT32_MAX); /* as many as there is a number for */
            expect(cothread_now() >= expired_at, 1);
        }
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
            expect(cothread_timer_set(timer, far[i], periods[p]) >= 0, 1);
            expect(expiries(timer, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
            expect(cothread_timer_set(timer, COTHREAD_FOREVER, 0), far[i] != COTHREAD_FOREVER);
        }
    }
    expect(cothread_timer_set(timer, COTHREAD_NOW, -1), COTHREAD_EINVAL);
    expect(cothread_timer_set(timer, COTHREAD_NOW, INT64_MIN), COTHREAD_EINVAL);
    expect(cothread_timer_create(COTHREAD_CLOCK_JUMPS << 1), COTHREAD_EINVAL);
    expect(cothread_close(timer), 0);
    return nothing_left();
}
