/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle channel;

static void *sender(void *unused) {
    int element = 3;
    expect(cothread_channel_send(channel, &element, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    return unused;
}

int main(void) {
    cothread_handle task;
    int element;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof(int), 2, 0));
    for (element = 1; element <= 2; element++)
        expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
    task = spawn(sender, NULL);
    expect(cothread_yield(), 0); /* waits: the channel is full */
    expect(cothread_channel_done(channel), 0);
    expect(cothread_channel_done(channel), COTHREAD_ECLOSED);
    expect(cothread_channel_send(channel, &element, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
    expect(element, 1);
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
    expect(element, 2);
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(element, 2);
    join(task);
    expect(cothread_close(channel), 0);
    return nothing_left();
}
