/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Threads and tasks send to two channels at random; tasks receive at random, from one or from both, with deadlines that pass,
 * and are cancelled in the middle. What was accepted is received exactly once, whatever a wait ended with. */
enum { THREADS = 3, SENDERS = 2, RECEIVERS = 6, EACH = SANITIZED ? 1500 : 15000, ALL = (THREADS + SENDERS) * EACH };

static cothread_handle channels[2];
static _Atomic int accepted[THREADS + SENDERS], over;
static _Atomic unsigned char sent[ALL], received[ALL];
static int receiving = 1;

static uint32_t chance(uint32_t *state, uint32_t below) {
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % below;
}

static int64_t some_deadline(uint32_t *state) {
    switch (chance(state, 4)) {
    case 0: return COTHREAD_NOW;
    case 1: return 1;
    case 2: return cothread_after(chance(state, 50) * COTHREAD_MICROSECOND);
    default: return COTHREAD_FOREVER;
    }
}

/* An element is its own number and that again, so that half of one is seen. */
typedef struct {
    int number, same;
} element;

static void send_all(int sender) {
    uint32_t state = (uint32_t)sender + 1;
    for (int i = 0; i < EACH; i++) {
        element e = {sender * EACH + i, sender * EACH + i};
        sent[e.number] = 1; /* before it can arrive; taken back if it was refused */
        int rc = cothread_channel_send(channels[chance(&state, 2)], &e, some_deadline(&state));
        if (rc == 0) {
            accepted[sender]++;
            continue;
        }
        sent[e.number] = 0;
        if (rc != COTHREAD_EFULL)
            expect(rc, COTHREAD_ETIMEDOUT);
        if (sender >= THREADS)
            expect(cothread_yield(), 0);
    }
}

static void *thread(void *number) {
    send_all((int)(intptr_t)number);
    over++;
    return NULL;
}

static void *sender(void *number) {
    send_all((int)(intptr_t)number);
    over++;
    return NULL;
}

static void arrived(const element *e) {
    expect(e->number, e->same);
    expect(e->number >= 0 && e->number < ALL, 1);
    expect(sent[e->number], 1);
    expect(received[e->number]++, 0);
}

static void *receiver(void *number) {
    uint32_t state = 100 + (uint32_t)(uintptr_t)number;
    while (receiving) {
        element both[2];
        int rc;
        if (chance(&state, 2)) {
            rc = cothread_channel_receive(channels[chance(&state, 2)], &both[0], some_deadline(&state));
            if (rc == 0)
                arrived(&both[0]);
        } else {
            cothread_item items[] = {
                {.kind = COTHREAD_ITEM_RECEIVE, .object = channels[0], .element = &both[0]},
                {.kind = COTHREAD_ITEM_RECEIVE, .object = channels[1], .element = &both[1]},
            };
            uint32_t flags = chance(&state, 2) ? COTHREAD_ALL : 0;
            rc = cothread_wait(items, sizeof *items, 2, some_deadline(&state), flags);
            int taken = 0;
            for (int i = 0; rc > 0 && i < 2; i++)
                if (items[i].fired && items[i].result == 0) { /* else the channel is done */
                    arrived(&both[i]);
                    taken++;
                }
            expect(taken <= 1 || flags, 1);
        }
        if (rc == COTHREAD_ECANCELED) /* for good: another takes its place */
            return NULL;
        if (rc < 0 && rc != COTHREAD_ECLOSED) {
            expect(rc, COTHREAD_ETIMEDOUT);
            cothread_yield();
        }
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    cothread_handle receivers[RECEIVERS], senders[SENDERS];
    uint32_t state = 1000;
    handle(cothread_create(NULL));
    for (int i = 0; i < 2; i++)
        channels[i] = handle(cothread_channel_create(sizeof(element), 1 + 15 * (size_t)i, COTHREAD_FROM_THREADS));
    for (uintptr_t i = 0; i < RECEIVERS; i++)
        receivers[i] = spawn(receiver, (void *)i);
    for (intptr_t i = 0; i < SENDERS; i++)
        senders[i] = spawn(sender, (void *)(THREADS + i));
    for (intptr_t i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, thread, (void *)i), 0);
    while (over < THREADS + SENDERS) {
        int i = (int)chance(&state, RECEIVERS);
        expect(cothread_cancel(receivers[i]), 0);
        join(receivers[i]);
        receivers[i] = spawn(receiver, (void *)(uintptr_t)state);
        expect(cothread_sleep(chance(&state, 100) * COTHREAD_MICROSECOND), 0);
    }
    receiving = 0;
    for (int i = 0; i < 2; i++)
        expect(cothread_channel_done(channels[i]), 0);
    for (int i = 0; i < RECEIVERS; i++)
        join(receivers[i]);
    for (int i = 0; i < SENDERS; i++)
        join(senders[i]);
    for (int i = 0; i < THREADS; i++)
        expect(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        element e;
        while (cothread_channel_receive(channels[i], &e, COTHREAD_FOREVER) == 0)
            arrived(&e);
        expect(cothread_close(channels[i]), 0);
    }
    for (int i = 0, n = 0; i < ALL; n = ++i % EACH ? n : 0) {
        expect(received[i], sent[i]);
        n += sent[i];
        if (i % EACH == EACH - 1)
            expect(n, accepted[i / EACH]);
    }
    return nothing_left();
}
