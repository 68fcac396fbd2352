/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

/* The value of a lock says whether the previous owner ended holding it. What the task was handed before is not it. */
int main(void) {
    cothread_handle task, event, mutex;
    hosted(0);
    task = handle(cothread_host_create(1, NULL, 0));
    event = handle(cothread_event_create(0));
    mutex = handle(cothread_mutex_create(0));

    expect(cothread_event_signal(event, (void *)1), 0);
    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL);
    expect(batch(COTHREAD_NOW), 1);
    wait_on(task, COTHREAD_WAIT_LOCK, mutex, NULL);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:0:1 1:0");

    request((cothread_request){.task = task, .operation = COTHREAD_UNLOCK, .fd = -1, .object = mutex});
    finish(task, 0);
    expect(cothread_submit(), 2);
    expect(cothread_close(mutex), 0);
    return nothing_left();
}
