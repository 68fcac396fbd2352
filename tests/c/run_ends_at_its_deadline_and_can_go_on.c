/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event;

static void *task(void *unused) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    cothread_handle waiting;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    waiting = spawn(task, NULL);
    expect(cothread_run(COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_run(0), COTHREAD_ETIMEDOUT);
    expect(cothread_run(cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_event_signal(event, NULL), 1);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    expect(cothread_join(waiting, NULL, COTHREAD_NOW), 0);
    return nothing_left();
}
