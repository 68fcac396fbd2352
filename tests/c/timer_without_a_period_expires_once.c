/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

int main(void) {
    handle(cothread_create(NULL));
    cothread_handle timer = handle(cothread_timer_create(0));
    int64_t deadline = cothread_after(COTHREAD_MILLISECOND);
    expect(cothread_timer_set(timer, deadline, 0), 0);
    expect(expiries(timer, COTHREAD_FOREVER), 1);
    expect(expired_at, deadline);
    expect(cothread_now() >= deadline, 1);
    expect(expiries(timer, cothread_after(5 * COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_timer_set(timer, deadline, 0), 0); /* it had expired for good */
    expect(cothread_timer_set(timer, deadline, 0), 1); /* nobody has learnt of this one */
    expect(expiries(timer, COTHREAD_NOW), 1);
    expect(cothread_close(timer), 0);
    return nothing_left();
}
