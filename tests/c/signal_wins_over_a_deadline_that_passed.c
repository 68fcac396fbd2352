/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* The deadline passes while main computes, and main signals before it lets the scheduler look. */
static cothread_handle event;
static int64_t deadline;

static void *waiter(void *unused) {
    void *value = NULL;
    (void)unused;
    cothread_event_wait(event, &value, deadline);
    return value;
}

int main(void) {
    cothread_handle task;
    int64_t far = COTHREAD_MILLISECOND;
    void *value;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    for (;;) { /* until the machine lets the task wait before the deadline */
        deadline = cothread_after(far);
        task = spawn(waiter, NULL);
        expect(cothread_yield(), 0);
        if (cothread_now() < deadline)
            break;
        join(task);
        far *= 2;
    }
    while (cothread_now() <= deadline)
        continue;
    expect(cothread_event_signal(event, &deadline), 1);
    expect(cothread_join(task, &value, COTHREAD_FOREVER), 0);
    expect(value == &deadline, 1);
    return nothing_left();
}
