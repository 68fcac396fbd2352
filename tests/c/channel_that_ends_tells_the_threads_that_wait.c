/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Threads wait for room in a full channel; then it is done, or closed, or its scheduler is destroyed, or the scheduler's thread
 * ends. They are told, and so is who comes later. What was accepted before is received if it still can be. */
enum { THREADS = 4 };

static cothread_handle channel;
static _Atomic int inside;
static int told, told_later;

static void *sender(void *unused) {
    int value = 2;
    inside++;
    int rc = cothread_channel_send(channel, &value, COTHREAD_FOREVER);
    if (rc != told_later) /* it was only about to wait */
        expect(rc, told);
    expect(cothread_channel_send(channel, &value, COTHREAD_FOREVER), told_later);
    expect(cothread_channel_send(channel, &value, COTHREAD_NOW), told_later);
    return unused;
}

static pthread_t threads[THREADS];

static void begin(int result, int result_later) {
    int value = 1;
    told = result;
    told_later = result_later;
    channel = handle(cothread_channel_create(sizeof value, 1, COTHREAD_FROM_THREADS));
    expect(cothread_channel_send(channel, &value, COTHREAD_NOW), 0);
    inside = 0;
    for (int i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, sender, NULL), 0);
    while (inside < THREADS)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
}

static void end(void) {
    for (int i = 0; i < THREADS; i++)
        expect(pthread_join(threads[i], NULL), 0);
}

static void *scheduler_that_just_ends(void *unused) {
    handle(cothread_create(NULL));
    begin(COTHREAD_EDEAD, COTHREAD_EDEAD);
    return unused;
}

int main(void) {
    int value = 0;
    cothread_handle scheduler = handle(cothread_create(NULL));
    begin(COTHREAD_ECLOSED, COTHREAD_ECLOSED);
    expect(cothread_channel_done(channel), 0);
    end();
    expect(cothread_channel_receive(channel, &value, COTHREAD_FOREVER), 0);
    expect(value, 1);
    expect(cothread_channel_receive(channel, &value, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(cothread_close(channel), 0);

    begin(COTHREAD_ECLOSED, COTHREAD_EHANDLE);
    expect(cothread_close(channel), 0);
    end();

    begin(COTHREAD_EDEAD, COTHREAD_EDEAD);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    end();

    pthread_t thread;
    expect(pthread_create(&thread, NULL, scheduler_that_just_ends, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    end();
    return 0;
}
