/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event, channel, mutex, semaphore;

static void *other(void *unused) {
    note("other");
    return unused;
}

int main(void) {
    cothread_handle task;
    int element = 7, got = 0;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(sizeof(int), 1, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(1, 0));
    task = spawn(other, NULL);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_channel_send(channel, &element, COTHREAD_FOREVER), 0);
    expect(cothread_channel_receive(channel, &got, COTHREAD_FOREVER), 0);
    expect(got, 7);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), 0);
    expect_order("");
    join(task);
    expect_order("other");
    return nothing_left();
}
