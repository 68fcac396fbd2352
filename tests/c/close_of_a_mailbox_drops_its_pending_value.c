/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void never(void *unused) {
    (void)unused;
    note("ran");
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), mailbox, next;
    int i;
    for (i = 0; i < 100; i++) {
        mailbox = handle(cothread_mailbox_create(never, 0, 0));
        expect(cothread_mailbox_post(mailbox, NULL, NULL), 0);
        expect(cothread_close(mailbox), 0);
        expect(cothread_mailbox_post(mailbox, NULL, NULL), COTHREAD_EHANDLE);
        next = handle(cothread_mailbox_create(never, 0, 0)); /* must not inherit what was pending */
        expect(cothread_yield(), 0);
        expect(cothread_close(next), 0);
    }

    /* Who must free it posts another before. */
    void *pending = NULL;
    mailbox = handle(cothread_mailbox_create(never, 0, 0));
    expect(cothread_mailbox_post(mailbox, &pending, NULL), 0);
    expect(cothread_mailbox_post(mailbox, NULL, &pending), 1);
    expect(pending == (void *)&pending, 1);
    expect(cothread_close(mailbox), 0);
    expect(cothread_yield(), 0);
    expect_order("");
    expect(statistics(scheduler).callback_depth, 0);
    return nothing_left();
}
