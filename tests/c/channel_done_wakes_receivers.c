/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle channel;

static void *receiver(void *name) {
    int element;
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("%s", (char *)name);
    return NULL;
}

int main(void) {
    cothread_handle a, b;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof(int), 0, 0));
    a = spawn(receiver, "a");
    b = spawn(receiver, "b");
    expect(cothread_yield(), 0);
    expect(cothread_channel_done(channel), 0);
    join(a);
    join(b);
    expect_order("a b");
    return nothing_left();
}
