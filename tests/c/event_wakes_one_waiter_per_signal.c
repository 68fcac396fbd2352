/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event;
static int values[3];

static void *waiter(void *name) {
    void *value = NULL;
    expect(cothread_event_wait(event, &value, COTHREAD_FOREVER), 0);
    note("%s%d", (char *)name, (int)((int *)value - values));
    return NULL;
}

int main(void) {
    cothread_handle a, b, c;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    a = spawn(waiter, "a");
    b = spawn(waiter, "b");
    c = spawn(waiter, "c");
    expect(cothread_yield(), 0);
    expect(cothread_event_signal(event, &values[0]), 1);
    expect(cothread_event_signal(event, &values[1]), 1);
    expect(cothread_yield(), 0);
    expect_order("a0 b1");
    expect(cothread_event_signal(event, &values[2]), 1);
    join(a);
    join(b);
    join(c);
    expect_order("c2");
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_close(event), 0);
    return nothing_left();
}
