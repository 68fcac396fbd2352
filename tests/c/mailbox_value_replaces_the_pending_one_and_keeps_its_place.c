/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int values[3];

static void callback(void *name) {
    note("%s", (char *)name);
}

static void mailbox_callback(void *value) {
    note("mailbox%d", (int)((int *)value - values));
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    cothread_handle mailbox = handle(cothread_mailbox_create(mailbox_callback, 0, 0));
    void *replaced = &replaced;
    expect(cothread_post(scheduler, callback, "a", COTHREAD_NOW), 0);
    expect(cothread_mailbox_post(mailbox, &values[0], &replaced), 0);
    expect(replaced == &replaced, 1);
    expect(cothread_post(scheduler, callback, "b", COTHREAD_NOW), 0);
    expect(cothread_mailbox_post(mailbox, &values[1], &replaced), 1);
    expect(replaced == &values[0], 1);
    expect(cothread_mailbox_post(mailbox, &values[2], NULL), 1);
    expect(cothread_yield(), 0);
    expect_order("a mailbox2 b");
    expect(cothread_mailbox_post(mailbox, &values[0], &replaced), 0); /* none pending: queued anew */
    expect(cothread_yield(), 0);
    expect_order("mailbox0");
    expect(cothread_mailbox_post(mailbox, NULL, NULL), 0); /* NULL is a value like any other */
    expect(cothread_mailbox_post(mailbox, &values[1], &replaced), 1);
    expect(replaced == NULL, 1);
    expect(cothread_yield(), 0);
    expect_order("mailbox1");
    expect(statistics(scheduler).callback_replaced, 3);
    expect(cothread_close(mailbox), 0);
    return nothing_left();
}
