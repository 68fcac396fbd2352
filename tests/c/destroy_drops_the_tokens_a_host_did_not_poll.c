/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void callback(void *unused) {
    (void)unused;
    note("ran");
}

int main(void) {
    int i;
    cothread_handle mailbox, scheduler = hosted(0);
    mailbox = handle(cothread_mailbox_create(NULL, 1, 0));
    for (i = 0; i < 5000; i++)
        expect(cothread_post(scheduler, NULL, NULL, COTHREAD_NOW), 0);
    expect(cothread_mailbox_post(mailbox, NULL, NULL), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0); /* but callbacks behind them run */
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    expect_order("ran");
    expect(cothread_mailbox_post(mailbox, NULL, NULL), COTHREAD_EDEAD);
    return 0;
}
