/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle event, channel, mutex, semaphore, native;

static void *returns(void *argument) {
    expect(cothread_yield(), 0);
    return argument;
}

int main(void) {
    cothread_handle task;
    int sent = 41, got = 0;
    hosted(0);
    task = handle(cothread_host_create(3, NULL, 0));
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(sizeof(int), 0, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(0, 0));

    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_event_signal(event, (void *)99), 1);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("3:0:99");
    expect(cothread_event_signal(event, (void *)98), 0); /* satisfied before it is asked for */
    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("3:0:98");

    wait_on(task, COTHREAD_WAIT_RECEIVE, channel, &got);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_channel_send(channel, &sent, COTHREAD_NOW), 0);
    expect(batch(COTHREAD_NOW), 1);
    expect(got, 41);
    sent = 42;
    wait_on(task, COTHREAD_WAIT_SEND, channel, &sent);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_channel_receive(channel, &got, COTHREAD_NOW), 0);
    expect(got, 42);
    expect(batch(COTHREAD_NOW), 1);
    order_length = 0; /* the value of a send or a receive is unspecified */

    wait_on(task, COTHREAD_WAIT_ACQUIRE, semaphore, NULL);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(batch(COTHREAD_NOW), 1);
    expect(ring->ready[0].reason, 0);

    wait_on(task, COTHREAD_WAIT_LOCK, mutex, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect(ring->ready[0].reason, 0);
    wait_on(task, COTHREAD_WAIT_LOCK, mutex, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect(ring->ready[0].reason, COTHREAD_EDEADLK);

    native = spawn(returns, (void *)77);
    wait_on(task, COTHREAD_WAIT_JOIN, native, NULL);
    order_length = 0;
    expect(batch(COTHREAD_FOREVER), 1);
    expect_order("3:0:77");
    wait_on(task, COTHREAD_WAIT_JOIN, native, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("3:-2");
    wait_on(task, COTHREAD_WAIT_JOIN, task, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("3:-15");

    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_close(event), 0);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("3:-13");
    finish(task, 0);
    expect(batch(COTHREAD_NOW), 0);
    return nothing_left();
}
