/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* The deadline passes while main computes, and main signals before it lets the scheduler look. */
static cothread_handle event;
static int64_t deadline;

static void *waiter(void *unused) {
    void *value = NULL;
    expect(cothread_event_wait(event, &value, deadline), 0);
    expect(value == &deadline, 1);
    return unused;
}

int main(void) {
    cothread_handle task;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    deadline = cothread_after(200 * COTHREAD_MILLISECOND);
    task = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    while (cothread_now() <= deadline)
        continue;
    expect(cothread_event_signal(event, &deadline), 1);
    join(task);
    return nothing_left();
}
