/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Threads send as fast as they can while nobody receives: exactly as many elements as there is room for are accepted, and the
 * others are told so; those are what is received. */
enum { THREADS = 8, CAPACITY = 1000, ROUNDS = 20 };

static cothread_handle channel;
static _Atomic int accepted;

static void *send_until_full(void *value) {
    int rc;
    while ((rc = cothread_channel_send(channel, &value, COTHREAD_NOW)) == 0)
        accepted++;
    expect(rc, COTHREAD_EFULL);
    expect(cothread_channel_send(channel, &value, cothread_after(COTHREAD_MICROSECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_send(channel, &value, 1), COTHREAD_ETIMEDOUT);
    return NULL;
}

int main(void) {
    void *value;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(sizeof value, CAPACITY, COTHREAD_FROM_THREADS));
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        accepted = 0;
        for (int i = 0; i < THREADS; i++)
            expect(pthread_create(&threads[i], NULL, send_until_full, NULL), 0);
        for (int i = 0; i < THREADS; i++)
            expect(pthread_join(threads[i], NULL), 0);
        expect(accepted, CAPACITY);
        expect(cothread_channel_send(channel, &value, COTHREAD_NOW), COTHREAD_EFULL);
        expect(cothread_channel_send(channel, &value, cothread_after(COTHREAD_MICROSECOND)), COTHREAD_ETIMEDOUT);
        for (int i = 0; i < CAPACITY; i++)
            expect(cothread_channel_receive(channel, &value, COTHREAD_NOW), 0);
        expect(cothread_channel_receive(channel, &value, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    }
    expect(cothread_close(channel), 0);
    return nothing_left();
}
