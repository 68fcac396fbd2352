/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Both are due when the tick begins: callbacks come first. */
static cothread_handle event;
static int64_t deadline;

static void *waiter(void *unused) {
    expect(cothread_event_wait(event, NULL, deadline), 0);
    return unused;
}

static void signals(void *unused) {
    (void)unused;
    expect(cothread_event_signal(event, NULL), 1);
}

int main(void) {
    cothread_handle task, scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    deadline = cothread_after(200 * COTHREAD_MILLISECOND);
    task = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    while (cothread_now() <= deadline)
        continue;
    expect(cothread_post(scheduler, signals, NULL, COTHREAD_NOW), 0);
    join(task);
    return nothing_left();
}
