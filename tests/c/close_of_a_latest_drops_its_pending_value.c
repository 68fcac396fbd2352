/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void never(void *unused) {
    (void)unused;
    note("ran");
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), latest, next;
    int i;
    for (i = 0; i < 100; i++) {
        latest = handle(cothread_latest_create(never, 0));
        expect(cothread_post_latest(latest, NULL, NULL), 0);
        expect(cothread_close(latest), 0);
        expect(cothread_post_latest(latest, NULL, NULL), COTHREAD_EHANDLE);
        next = handle(cothread_latest_create(never, 0)); /* must not inherit what was pending */
        expect(cothread_yield(), 0);
        expect(cothread_close(next), 0);
    }
    expect_order("");
    expect(statistics(scheduler).callback_depth, 0);
    return nothing_left();
}
