/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    cothread_handle task, event, mutex;
    hosted(0);
    task = handle(cothread_host_create(1, NULL, 0));
    event = handle(cothread_event_create(0));
    mutex = handle(cothread_mutex_create(0));
    wait_on(task, COTHREAD_WAIT_EVENT, 12345, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:-2");
    wait_on(task, COTHREAD_WAIT_EVENT, mutex, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:-2");
    wait_on(task, COTHREAD_WAIT_SEND, handle(cothread_channel_create(8, 1, 0)), NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:-1");
    wait_on(task, 99, event, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:-1");
    wait_on(12345, COTHREAD_WAIT_EVENT, event, NULL); /* a task that is none: there is nobody to tell */
    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_event_signal(event, NULL), 1);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:0");
    finish(task, 0);
    expect(cothread_submit(), 1);
    return nothing_left();
}
