/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    cothread_handle task, event;
    hosted(0);
    task = handle(cothread_host_create(1, NULL, 0));
    event = handle(cothread_event_create(0));
    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL);
    expect(batch(COTHREAD_NOW), 0);
    request((cothread_request){.task = task, .operation = COTHREAD_WITHDRAW, .fd = -1});
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_event_signal(event, NULL), 0); /* nobody waits */
    wait_for(task, cothread_after(COTHREAD_MILLISECOND));
    request((cothread_request){.task = task, .operation = COTHREAD_WITHDRAW, .fd = -1});
    expect(batch(cothread_after(5 * COTHREAD_MILLISECOND)), 0);
    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL); /* it can wait again */
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:0");
    finish(task, 0);
    expect(cothread_submit(), 1);
    return nothing_left();
}
