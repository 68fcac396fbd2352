/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle event;

static void waits(void *unused) {
    (void)unused;
    note("a+");
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    note("a-");
}

static void wakes(void *unused) {
    (void)unused;
    note("b");
    expect(cothread_event_signal(event, NULL), 1);
}

static void *task(void *unused) {
    note("task");
    return unused;
}

int main(void) {
    cothread_handle native, scheduler = hosted(0);
    event = handle(cothread_event_create(0));
    native = spawn(task, NULL);
    expect(cothread_post(scheduler, waits, NULL, COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, wakes, NULL, COTHREAD_NOW), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect_order("a+ b task a-"); /* what is woken in a tick joins its end */
    expect(cothread_join(native, NULL, COTHREAD_NOW), 0);
    return nothing_left();
}
