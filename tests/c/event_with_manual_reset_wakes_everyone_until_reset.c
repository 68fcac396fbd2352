/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event;
static int value;

static void *waiter(void *name) {
    void *got = NULL;
    expect(cothread_event_wait(event, &got, COTHREAD_FOREVER), 0);
    expect(got == &value, 1);
    note("%s", (char *)name);
    return NULL;
}

int main(void) {
    cothread_handle a, b;
    void *got = NULL;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    a = spawn(waiter, "a");
    b = spawn(waiter, "b");
    expect(cothread_yield(), 0);
    expect(cothread_event_signal(event, &value), 2);
    expect(cothread_event_wait(event, &got, COTHREAD_FOREVER), 0);
    expect(got == &value, 1);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), 0);
    join(a);
    join(b);
    expect_order("a b");
    expect(cothread_event_reset(event), 1);
    expect(cothread_event_reset(event), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_event_create(2), COTHREAD_EINVAL);
    expect(cothread_close(event), 0);
    return nothing_left();
}
