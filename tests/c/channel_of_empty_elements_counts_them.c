/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    cothread_handle channel;
    int i;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(0, 3, 0));
    for (i = 0; i < 3; i++)
        expect(cothread_channel_send(channel, NULL, COTHREAD_NOW), 0);
    expect(cothread_channel_send(channel, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    for (i = 0; i < 3; i++)
        expect(cothread_channel_receive(channel, NULL, COTHREAD_NOW), 0);
    expect(cothread_channel_receive(channel, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    return nothing_left();
}
