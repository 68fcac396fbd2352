/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Threads send without rest, in both ways, to the newest channel; it is received from a little, then done, closed, or its
 * scheduler destroyed, and another one takes its place, of other elements, in the same slots. Nobody hangs, and nothing arrives
 * that was not sent to that very channel: an element is the channel's own handle and the sender's number for it. Of what was
 * accepted before a channel was done nothing is lost. */
enum { THREADS = 4, ROUNDS = SANITIZED ? 100 : 400 };

static _Atomic cothread_handle channel;
static _Atomic int finished;
static _Atomic int accepted[ROUNDS][THREADS];
static _Atomic int round_of_channel;

typedef struct {
    cothread_handle channel;
    int64_t sender;
    int64_t number;
    char more[1000];
} element;

static void *sender(void *number) {
    element e;
    int64_t sent = 0;
    memset(&e, 0, sizeof e);
    e.sender = (int64_t)(intptr_t)number;
    while (!finished) {
        int round = round_of_channel;
        cothread_handle to = channel;
        if (to != e.channel)
            sent = 0;
        e.channel = to;
        e.number = sent;
        int rc = cothread_channel_send(to, &e, sent % 2 ? COTHREAD_FOREVER : COTHREAD_NOW);
        if (rc == 0 && round == round_of_channel && to == channel)
            accepted[round][e.sender]++;
        sent += rc == 0;
        if (rc != 0 && rc != COTHREAD_EFULL && rc != COTHREAD_ECLOSED && rc != COTHREAD_EHANDLE)
            expect(rc, COTHREAD_EDEAD);
    }
    return NULL;
}

static int receive(int64_t next[THREADS], int64_t deadline) {
    element e;
    int rc = cothread_channel_receive(channel, &e, deadline);
    if (rc == 0) {
        expect(e.channel, channel);
        expect(e.number, next[e.sender]);
        next[e.sender]++;
    }
    return rc;
}

int main(void) {
    pthread_t threads[THREADS];
    handle(cothread_create(NULL));
    for (int round = 0; round < ROUNDS; round++) {
        int64_t next[THREADS] = {0};
        size_t size = round % 3 ? sizeof(element) : offsetof(element, more);
        channel = handle(cothread_channel_create(size, 1 + (size_t)round % 50, COTHREAD_FROM_THREADS));
        round_of_channel = round;
        for (intptr_t i = 0; round == 0 && i < THREADS; i++)
            expect(pthread_create(&threads[i], NULL, sender, (void *)i), 0);
        for (int i = 0; i < 100; i++)
            expect(receive(next, COTHREAD_FOREVER), 0);
        switch (round % 4) {
        case 0:
            expect(cothread_channel_done(channel), 0);
            while (receive(next, COTHREAD_FOREVER) == 0)
                ;
            for (int i = 0; i < THREADS; i++) /* one may be about to count its last */
                expect(accepted[round][i] <= next[i], 1);
            expect(cothread_close(channel), 0);
            break;
        case 1:
            expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0);
            handle(cothread_create(NULL));
            break;
        default: expect(cothread_close(channel), 0);
        }
    }
    finished = 1;
    for (int i = 0; i < THREADS; i++)
        expect(pthread_join(threads[i], NULL), 0);
    return nothing_left();
}
