/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

int main(void) {
    handle(cothread_create(NULL));
    cothread_handle timer = handle(cothread_timer_create(0));
    expect(expiries(timer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);

    /* Ten steps and a half ago was the first expiry: this makes eleven, told at once, and the next is half a step ahead. */
    int64_t step = cothread_now() / 20, first = cothread_now() - 10 * step - step / 2;
    expect(cothread_timer_set(timer, first, step), 0);
    expect(expiries(timer, COTHREAD_FOREVER), 11);
    expect(expired_at, first + 10 * step);
    expect(expiries(timer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);

    /* However late a wait begins or the machine is: nothing is lost, and the step is kept. */
    step = COTHREAD_MILLISECOND;
    first = cothread_now() + 12345;
    expect(cothread_timer_set(timer, first, step), 1);
    int64_t count = 0;
    for (int turn = 0; turn < 30; turn++) {
        if (turn % 5 == 4)
            expect(cothread_sleep_until(cothread_after(3 * step)), 0);
        int n = expiries(timer, COTHREAD_FOREVER);
        expect(n >= (turn % 5 == 4 ? 2 : 1), 1);
        expect(cothread_now() >= expired_at, 1);
        count += n;
        expect(expired_at, first + (count - 1) * step);
    }
    expect(cothread_close(timer), 0);
    return nothing_left();
}
