/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event, semaphore, mutex, channel;

static void *gives_up(void *unused) {
    int element = 0;
    int64_t deadline = cothread_after(COTHREAD_MILLISECOND);
    expect(cothread_event_wait(event, NULL, deadline), COTHREAD_ETIMEDOUT);
    expect(cothread_semaphore_acquire(semaphore, deadline), COTHREAD_ETIMEDOUT);
    expect(cothread_mutex_lock(mutex, deadline), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_receive(channel, &element, deadline), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_send(channel, &element, deadline), COTHREAD_ETIMEDOUT);
    return unused;
}

int main(void) {
    int element = 0;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    mutex = handle(cothread_mutex_create(0));
    channel = handle(cothread_channel_create(sizeof(int), 0, 0));
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    join(spawn(gives_up, NULL));
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), 0);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_channel_receive(channel, &element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    return nothing_left();
}
