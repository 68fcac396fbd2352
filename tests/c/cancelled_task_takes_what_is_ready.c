/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Cancel ends waits; a call that is already satisfied is none. */
static cothread_handle event;

static void *task(void *unused) {
    expect(cothread_yield(), COTHREAD_ECANCELED);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

int main(void) {
    cothread_handle cancelled;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    expect(cothread_event_signal(event, NULL), 0);
    cancelled = spawn(task, NULL);
    expect(cothread_cancel(cancelled), 0);
    join(cancelled);
    return nothing_left();
}
