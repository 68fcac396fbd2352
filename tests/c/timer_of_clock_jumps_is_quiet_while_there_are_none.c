/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

/* Jumps themselves: tests/failures/clock.c, whose library has clocks that jump. */
int main(void) {
    handle(cothread_create(NULL));
    cothread_handle timer = handle(cothread_timer_create(COTHREAD_CLOCK_JUMPS));
    expect(expiries(timer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(expiries(timer, cothread_after(5 * COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    for (int i = 0; i < 10000; i++)
        expect(expiries(timer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_timer_set(timer, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(cothread_close(timer), 0);
    return nothing_left();
}
