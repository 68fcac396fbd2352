/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle channel;

static void *sender(void *unused) {
    int64_t i;
    for (i = 0; i < 10000; i++)
        expect(cothread_channel_send(channel, &i, COTHREAD_FOREVER), 0);
    expect(cothread_channel_done(channel), 0);
    return unused;
}

int main(void) {
    cothread_handle task;
    int64_t i, element = 0;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof(int64_t), 7, 0)); /* no power of two */
    for (i = 0; i < 7; i++)
        expect(cothread_channel_send(channel, &i, COTHREAD_NOW), 0);
    expect(cothread_channel_send(channel, &i, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    for (i = 0; i < 7; i++) {
        expect(cothread_channel_receive(channel, &element, COTHREAD_NOW), 0);
        expect(element, i);
    }
    task = spawn(sender, NULL);
    for (i = 0; i < 10000; i++) {
        expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
        expect(element, i);
    }
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    join(task);
    return nothing_left();
}
