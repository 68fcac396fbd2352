/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *waits(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), task = spawn(waits, NULL);
    expect(cothread_interrupt(scheduler), 0);
    expect(cothread_interrupt(scheduler), 0);
    expect(cothread_interrupt(scheduler), 0);
    expect(cothread_run(COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(cothread_run(cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_cancel(task), 0);
    join(task);
    return nothing_left();
}
