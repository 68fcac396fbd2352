/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int run;

static void callback(void *unused) {
    (void)unused;
    run++;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 4};
    cothread_handle scheduler = handle(cothread_create(&options));
    cothread_handle mailbox = handle(cothread_mailbox_create(callback, 0, 0));
    int i;
    for (i = 0; i < 4; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_mailbox_post(mailbox, NULL, NULL), COTHREAD_EFULL);
    expect(cothread_yield(), 0);
    expect(run, 4);
    for (i = 0; i < 3; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_mailbox_post(mailbox, NULL, NULL), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), COTHREAD_EFULL);
    expect(cothread_mailbox_post(mailbox, NULL, NULL), 1); /* a pending one can always be replaced */
    expect(cothread_yield(), 0);
    expect(run, 8);
    return nothing_left();
}
