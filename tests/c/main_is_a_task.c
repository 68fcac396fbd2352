/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle main_task, event;

static void *task(void *unused) {
    expect(cothread_self() != main_task, 1);
    note("task");
    expect(cothread_event_signal(event, NULL), 1);
    return unused;
}

int main(void) {
    cothread_handle other;
    handle(cothread_create(NULL));
    main_task = handle(cothread_self());
    event = handle(cothread_event_create(0));
    other = spawn(task, NULL);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    note("main");
    expect(cothread_self(), main_task);
    join(other);
    expect_order("task main");
    return nothing_left();
}
