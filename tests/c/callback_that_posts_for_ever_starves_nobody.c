/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler;
static int stop, started;

static void again(void *unused) {
    started++;
    if (!stop)
        expect(cothread_post(scheduler, again, unused, COTHREAD_NOW), 0);
}

static void *task(void *unused) {
    int i;
    for (i = 0; i < 10; i++)
        expect(cothread_yield(), 0);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    stop = 1;
    return unused;
}

int main(void) {
    cothread_handle other;
    scheduler = handle(cothread_create(NULL));
    expect(cothread_post(scheduler, again, NULL, COTHREAD_NOW), 0);
    other = spawn(task, NULL);
    join(other);
    expect(started > 0, 1);
    return nothing_left();
}
