/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event, channel, mutex, semaphore;

static void *waits_for_event(void *unused) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *receives(void *unused) {
    int element = 0;
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
    expect(element, 5);
    return unused;
}

static void *locks(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    return unused;
}

static void *acquires(void *unused) {
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    cothread_handle tasks[4];
    int i, element = 5;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(sizeof(int), 4, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    tasks[0] = spawn(waits_for_event, NULL);
    tasks[1] = spawn(receives, NULL);
    tasks[2] = spawn(locks, NULL);
    tasks[3] = spawn(acquires, NULL);
    expect(cothread_yield(), 0);

    /* main hands it over and tries to take it back before the waiter has run */
    expect(cothread_event_signal(event, NULL), 1);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
    expect(cothread_channel_receive(channel, &element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    for (i = 0; i < 4; i++)
        join(tasks[i]);
    return nothing_left();
}
