/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle channel;
static char sent[65536], got[65536];

static void *sender(void *unused) {
    expect(cothread_channel_send(channel, sent, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    static const size_t odd[] = {1, 3, 17, 4097, 65536};
    cothread_handle task;
    size_t i;
    handle(cothread_create(NULL));
    for (i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 31);
    for (i = 0; i < 5; i++) { /* every size, through the buffer and from hand to hand */
        size_t capacity;
        for (capacity = 0; capacity < 2; capacity++) {
            memset(got, 0, sizeof got);
            channel = handle(cothread_channel_create(odd[i], capacity, 0));
            task = spawn(sender, NULL);
            expect(cothread_channel_receive(channel, got, COTHREAD_FOREVER), 0);
            expect(memcmp(got, sent, odd[i]), 0);
            expect(odd[i] == sizeof got || got[odd[i]] == 0, 1);
            join(task);
            expect(cothread_close(channel), 0);
        }
    }
    expect(cothread_channel_create(65537, 0, 0), COTHREAD_EINVAL);
    expect(cothread_channel_create(SIZE_MAX, 1, 0), COTHREAD_EINVAL);
    expect(cothread_channel_create(1, ((size_t)1 << 24) + 1, 0), COTHREAD_EINVAL);
    expect(cothread_channel_create(0, SIZE_MAX, 0), COTHREAD_EINVAL);
    expect(cothread_channel_create(65536, ((size_t)1 << 14) + 1, 0), COTHREAD_EINVAL); /* above 1 GiB in all */
    expect(cothread_close(handle(cothread_channel_create(0, (size_t)1 << 24, 0))), 0);
    expect(cothread_close(handle(cothread_channel_create(65536, (size_t)1 << 14, 0))), 0);

    channel = handle(cothread_channel_create(1, 1, 0));
    expect(cothread_channel_send(channel, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_channel_receive(channel, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    return nothing_left();
}
