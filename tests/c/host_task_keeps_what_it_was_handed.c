/* SPDX-License-Identifier: Apache-2.0
 * A host that changes its mind about a wait that was served meanwhile: the entry stays in the batch, or what it brings would
 * be lost. */
#include "host.h"

static void withdraw(cothread_handle task) {
    request((cothread_request){.task = task, .operation = COTHREAD_WITHDRAW, .fd = -1});
}

static void *result(void *argument) {
    return argument;
}

int main(void) {
    cothread_handle host, other, semaphore, event, mutex, channel, ended;
    int64_t element = 7, received = 0;
    hosted(0);
    host = handle(cothread_host_create(1, "host", 0));
    other = handle(cothread_host_create(2, "other", 0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    event = handle(cothread_event_create(0));
    mutex = handle(cothread_mutex_create(0));
    channel = handle(cothread_channel_create(sizeof element, 0, 0));

    /* served by the host's own code between two polls */
    wait_on(host, COTHREAD_WAIT_ACQUIRE, semaphore, NULL);
    expect(cothread_submit(), 1);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    withdraw(host);
    wait_for(host, COTHREAD_NOW);
    batch(COTHREAD_FOREVER);
    expect_order("1:0");
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), COTHREAD_ETIMEDOUT);

    wait_on(host, COTHREAD_WAIT_EVENT, event, NULL);
    expect(cothread_submit(), 1);
    expect(cothread_event_signal(event, (void *)42), 1);
    withdraw(host);
    batch(COTHREAD_FOREVER);
    expect_order("1:0:42");

    /* satisfied at once, in the same ring */
    expect(cothread_event_signal(event, (void *)43), 0);
    wait_on(host, COTHREAD_WAIT_EVENT, event, NULL);
    withdraw(host);
    batch(COTHREAD_FOREVER);
    expect_order("1:0:43");

    wait_on(host, COTHREAD_WAIT_LOCK, mutex, NULL);
    wait_on(host, COTHREAD_WAIT_EVENT, event, NULL);
    batch(COTHREAD_FOREVER);
    expect_order("1:0");
    request((cothread_request){.task = host, .operation = COTHREAD_UNLOCK, .fd = -1, .object = mutex});
    wait_on(other, COTHREAD_WAIT_LOCK, mutex, NULL);
    batch(COTHREAD_FOREVER);
    expect_order("2:0");
    request((cothread_request){.task = other, .operation = COTHREAD_UNLOCK, .fd = -1, .object = mutex});

    wait_on(host, COTHREAD_WAIT_RECEIVE, channel, &received);
    wait_on(other, COTHREAD_WAIT_SEND, channel, &element);
    withdraw(host);
    withdraw(other);
    batch(COTHREAD_FOREVER);
    expect_order("1:0 2:0");
    expect(received, 7);

    ended = spawn(result, (void *)9);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    wait_on(host, COTHREAD_WAIT_JOIN, ended, NULL);
    withdraw(host);
    batch(COTHREAD_FOREVER);
    expect_order("1:0:9");

    /* the end of the task comes after the entry too */
    wait_on(host, COTHREAD_WAIT_ACQUIRE, semaphore, NULL);
    expect(cothread_submit(), 1);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    finish(host, 0);
    batch(COTHREAD_NOW);
    expect_order("1:0");
    wait_on(host, COTHREAD_WAIT_RECEIVE, channel, &received);
    expect(cothread_submit(), 1);
    element = 8;
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
    finish(host, 0);
    batch(COTHREAD_NOW);
    expect_order("1:0");
    expect(received, 8);

    /* a deadline that has passed hands nothing over */
    wait_for(host, COTHREAD_NOW);
    withdraw(host);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect_order("");

    finish(host, 0);
    finish(other, 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    return nothing_left();
}
