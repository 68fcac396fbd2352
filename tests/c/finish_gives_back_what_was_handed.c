/* SPDX-License-Identifier: Apache-2.0
 * A host task that ends although its receive was served: the room its element lay in is used again. */
#include "host.h"

#include <malloc.h>

static char element[65536];

int main(void) {
    size_t before = 0;
    int round;
    cothread_handle channel;
    hosted(0);
    channel = handle(cothread_channel_create(sizeof element, 0, 0));
    for (round = 0; round < 1000; round++) {
        cothread_handle host = handle(cothread_host_create(1, NULL, 0));
        wait_on(host, COTHREAD_WAIT_RECEIVE, channel, element);
        expect(cothread_submit(), 1);
        expect(cothread_channel_send(channel, element, COTHREAD_NOW), 0);
        finish(host, 0);
        expect(cothread_submit(), 1);
        if (round == 10)
            before = mallinfo2().uordblks;
    }
    if (mallinfo2().uordblks > before + 100 * sizeof element)
        fail_at(__FILE__, __LINE__, "%zu bytes more than after 10 rounds", mallinfo2().uordblks - before);
    expect(cothread_close(channel), 0);
    return nothing_left();
}
