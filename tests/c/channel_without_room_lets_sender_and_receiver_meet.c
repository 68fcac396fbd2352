/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle channel;

static void *sender(void *unused) {
    int i;
    for (i = 0; i < 3; i++) {
        expect(cothread_channel_send(channel, &i, COTHREAD_FOREVER), 0);
        note("sent%d", i);
    }
    return unused;
}

int main(void) {
    cothread_handle task;
    int i, element;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof(int), 0, 0));
    task = spawn(sender, NULL);
    expect(cothread_yield(), 0);
    expect_order(""); /* nobody receives yet */
    for (i = 0; i < 3; i++) {
        expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
        expect(element, i);
        expect(cothread_yield(), 0);
    }
    join(task);
    expect_order("sent0 sent1 sent2");
    expect(cothread_close(channel), 0);
    return nothing_left();
}
