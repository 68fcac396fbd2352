/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void callback(void *unused) {
    (void)unused;
    note("ran");
}

int main(void) {
    int i;
    cothread_handle latest, scheduler = hosted(0);
    latest = handle(cothread_latest_create(NULL, 1));
    for (i = 0; i < 5000; i++)
        expect(cothread_post(scheduler, NULL, NULL, COTHREAD_NOW), 0);
    expect(cothread_post_latest(latest, NULL, NULL), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0); /* but callbacks behind them run */
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    expect_order("ran");
    expect(cothread_post_latest(latest, NULL, NULL), COTHREAD_EDEAD);
    return 0;
}
