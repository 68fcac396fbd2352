/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int values[3];

static void callback(void *name) {
    note("%s", (char *)name);
}

static void latest_callback(void *value) {
    note("latest%d", (int)((int *)value - values));
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    cothread_handle latest = handle(cothread_latest_create(latest_callback, 0));
    void *replaced = &replaced;
    expect(cothread_post(scheduler, callback, "a", COTHREAD_NOW), 0);
    expect(cothread_post_latest(latest, &values[0], &replaced), 0);
    expect(replaced == &replaced, 1);
    expect(cothread_post(scheduler, callback, "b", COTHREAD_NOW), 0);
    expect(cothread_post_latest(latest, &values[1], &replaced), 1);
    expect(replaced == &values[0], 1);
    expect(cothread_post_latest(latest, &values[2], NULL), 1);
    expect(cothread_yield(), 0);
    expect_order("a latest2 b");
    expect(cothread_post_latest(latest, &values[0], &replaced), 0); /* none pending: queued anew */
    expect(cothread_yield(), 0);
    expect_order("latest0");
    expect(cothread_post_latest(latest, NULL, NULL), 0); /* NULL is a value like any other */
    expect(cothread_post_latest(latest, &values[1], &replaced), 1);
    expect(replaced == NULL, 1);
    expect(cothread_yield(), 0);
    expect_order("latest1");
    expect(statistics(scheduler).callback_replaced, 3);
    expect(cothread_close(latest), 0);
    return nothing_left();
}
