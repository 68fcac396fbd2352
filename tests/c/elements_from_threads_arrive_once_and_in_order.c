/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Threads send at full speed, to channels of several sizes of elements and of room, in every way there is; tasks receive,
 * and one more sends beside the threads. Each element comes once,
 * in the order of its sender, and whole. */
enum { THREADS = 8, ELEMENTS = 2000, RECEIVERS = 3 };

static cothread_handle channel;
static size_t size;
static char elements[THREADS + 1][1000];

typedef struct {
    uint32_t sender, number;
} stamp;

/* An element of any size: as much of the stamp as fits, repeated to its end. */
static void fill(char *element, stamp s) {
    for (size_t i = 0; i < size; i += sizeof s)
        memcpy(element + i, &s, size - i < sizeof s ? size - i : sizeof s);
}

/* One that is refused waits for room: eight threads that try again and again would starve a busy machine's receivers. */
static void send_one(uint32_t sender, uint32_t number) {
    char *element = elements[sender];
    fill(element, (stamp){sender, number});
    if (number % 3 == 1) {
        int rc = cothread_channel_send(channel, element, COTHREAD_NOW);
        if (rc == 0)
            return;
        expect(rc, COTHREAD_EFULL);
    } else if (number % 3 == 2) {
        int rc = cothread_channel_send(channel, element, cothread_after(COTHREAD_MICROSECOND));
        if (rc == 0)
            return;
        expect(rc, COTHREAD_ETIMEDOUT);
    }
    expect(cothread_channel_send(channel, element, COTHREAD_FOREVER), 0);
}

static void send_all(uint32_t sender) {
    for (uint32_t i = 0; i < ELEMENTS; i++)
        send_one(sender, i);
}

static void *thread(void *number) {
    send_all((uint32_t)(uintptr_t)number);
    return NULL;
}

static void *sending_task(void *unused) {
    send_all(THREADS);
    return unused;
}

static uint32_t next[THREADS + 1], received;

/* Tasks run one at a time: what a receive returned is looked at before another task runs. */
static void *receiver(void *unused) {
    char element[1000], whole[1000];
    int rc;
    while ((rc = cothread_channel_receive(channel, element, COTHREAD_FOREVER)) == 0) {
        stamp s;
        memcpy(&s, element, sizeof s);
        fill(whole, s);
        expect(memcmp(element, whole, size), 0);
        expect(s.sender <= THREADS, 1);
        next[s.sender]++;
        received++;
    }
    expect(rc, COTHREAD_ECLOSED);
    return unused;
}

/* Alone: with one receiver the order is seen too. */
static void *receiver_in_order(void *unused) {
    char element[1000];
    int rc;
    while ((rc = cothread_channel_receive(channel, element, COTHREAD_FOREVER)) == 0) {
        stamp s;
        memcpy(&s, element, sizeof s);
        expect(s.number, next[s.sender]);
        next[s.sender]++;
        received++;
    }
    expect(rc, COTHREAD_ECLOSED);
    return unused;
}

static void run(size_t element_size, size_t capacity, int receivers) {
    pthread_t threads[THREADS];
    cothread_handle tasks[RECEIVERS];
    size = element_size;
    channel = handle(cothread_channel_create(size, capacity, COTHREAD_FROM_THREADS));
    memset(next, 0, sizeof next);
    received = 0;
    for (int i = 0; i < receivers; i++)
        tasks[i] = spawn(receivers == 1 ? receiver_in_order : receiver, NULL);
    cothread_handle sender = spawn(sending_task, NULL);
    for (uintptr_t i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, thread, (void *)i), 0);
    join(sender);
    while (received < (THREADS + 1) * ELEMENTS)
        expect(cothread_yield(), 0);
    for (int i = 0; i < THREADS; i++)
        expect(pthread_join(threads[i], NULL), 0);
    expect(cothread_channel_done(channel), 0);
    for (int i = 0; i < receivers; i++)
        join(tasks[i]);
    for (int i = 0; i <= THREADS; i++)
        expect(next[i], ELEMENTS);
    expect(cothread_close(channel), 0);
}

int main(void) {
    handle(cothread_create(NULL));
    run(8, 64, 1);
    run(8, 1, 1);
    run(12, 100, 1);
    run(1000, 7, 1);
    run(8, 1024, RECEIVERS);
    run(33, 3, RECEIVERS);
    return nothing_left();
}
