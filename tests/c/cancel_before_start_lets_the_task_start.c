/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *unused) {
    note("started");
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    note("ended");
    return unused;
}

int main(void) {
    cothread_handle cancelled;
    handle(cothread_create(NULL));
    cancelled = spawn(task, NULL);
    expect(cothread_cancel(cancelled), 0);
    join(cancelled);
    expect_order("started ended");
    return nothing_left();
}
