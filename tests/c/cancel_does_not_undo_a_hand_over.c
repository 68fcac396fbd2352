/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event, channel, mutex, semaphore;
static int value;

static void *event_waiter(void *unused) {
    void *got = NULL;
    expect(cothread_event_wait(event, &got, COTHREAD_FOREVER), 0);
    expect(got == &value, 1);
    expect(cothread_event_wait(event, &got, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *receiver(void *unused) {
    int got = 0;
    expect(cothread_channel_receive(channel, &got, COTHREAD_FOREVER), 0);
    expect(got, 42);
    expect(cothread_channel_receive(channel, &got, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *locker(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_yield(), COTHREAD_ECANCELED);
    expect(cothread_mutex_unlock(mutex), 0);
    return unused;
}

static void *acquirer(void *unused) {
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *waiter(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

int main(void) {
    cothread_handle tasks[5];
    int i, element = 42;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(sizeof(int), 0, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    tasks[0] = spawn(event_waiter, NULL);
    tasks[1] = spawn(receiver, NULL);
    tasks[2] = spawn(locker, NULL);
    tasks[3] = spawn(acquirer, NULL);
    tasks[4] = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_event_signal(event, &value), 1);
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_wakeup(tasks[4]), 1);
    for (i = 0; i < 5; i++)
        expect(cothread_cancel(tasks[i]), 0);
    for (i = 0; i < 5; i++)
        join(tasks[i]);
    return nothing_left();
}
