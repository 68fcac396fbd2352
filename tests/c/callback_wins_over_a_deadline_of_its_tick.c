/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Both are due when the tick begins: callbacks come first. */
static cothread_handle event;
static int64_t deadline;

static void *waiter(void *unused) {
    (void)unused;
    return (void *)(intptr_t)cothread_event_wait(event, NULL, deadline);
}

static void signals(void *unused) {
    (void)unused;
    expect(cothread_event_signal(event, NULL), 1);
}

int main(void) {
    cothread_handle task, scheduler = handle(cothread_create(NULL));
    int64_t far = COTHREAD_MILLISECOND;
    void *result;
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
    expect(cothread_post(scheduler, signals, NULL, COTHREAD_NOW), 0);
    expect(cothread_join(task, &result, COTHREAD_FOREVER), 0);
    expect((intptr_t)result, 0);
    return nothing_left();
}
