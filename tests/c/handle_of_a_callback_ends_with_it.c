/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* A wakeup that comes too late must not reach the callback that runs next, whatever they share. */
static cothread_handle task;

static void first(void *unused) {
    (void)unused;
    task = handle(cothread_self());
}

static void next(void *unused) {
    (void)unused;
    expect(cothread_self() != task, 1);
    expect(cothread_wait_until(cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    note("next");
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    expect(cothread_post(scheduler, first, NULL, COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, next, NULL, COTHREAD_NOW), 0);
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(task), COTHREAD_EHANDLE);
    expect(cothread_cancel(task), COTHREAD_EHANDLE);
    while (order_length == 0)
        expect(cothread_yield(), 0);
    return nothing_left();
}
