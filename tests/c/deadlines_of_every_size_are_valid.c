/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static const int64_t past[] = {COTHREAD_NOW, COTHREAD_NOW + 1, -1, 0, 1};
static const int64_t far[] = {COTHREAD_FOREVER - 1, COTHREAD_FOREVER};

static void *waiter(void *deadline) {
    expect(cothread_wait_until(*(const int64_t *)deadline), 0);
    return NULL;
}

int main(void) {
    cothread_handle event, task, living;
    size_t i;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    living = spawn(waiter, (void *)&far[1]);
    for (i = 0; i < sizeof past / sizeof *past; i++) {
        expect(cothread_wait_until(past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_event_wait(event, NULL, past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_sleep_until(past[i]), 0);
        expect(cothread_join(living, NULL, past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_run(past[i]), COTHREAD_ETIMEDOUT);
        expect(cothread_event_signal(event, NULL), 0);
        expect(cothread_event_wait(event, NULL, past[i]), 0); /* and so is a signal */
    }
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(living), 1);
    join(living);
    for (i = 0; i < sizeof past / sizeof *past; i++)
        expect(cothread_run(past[i]), 0); /* no task is left: that is looked at first */
    expect(cothread_wait_until(cothread_now() - 1), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_until(cothread_now()), COTHREAD_ETIMEDOUT);
    for (i = 0; i < sizeof far / sizeof *far; i++) {
        task = spawn(waiter, (void *)&far[i]);
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
        expect(cothread_wakeup(task), 1);
        join(task);
    }
    return nothing_left();
}
