/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* The callbacks share a task, each with a handle of its own. The next scheduler has the place of this one, and gives its
 * tasks none of the handles that were used up: neither that of the last callback, abandoned in its wait, nor one before. */
enum { CALLBACKS = 1000, TASKS = 5000 };
static cothread_handle stale[CALLBACKS];
static int run;

static void callback(void *unused) {
    (void)unused;
    stale[run++] = handle(cothread_self());
    while (run == CALLBACKS)
        cothread_sleep_until(COTHREAD_FOREVER);
}

static void *task(void *argument) {
    return argument;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), spawned;
    int i, j;
    for (i = 0; i < CALLBACKS; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    while (run < CALLBACKS)
        expect(cothread_yield(), 0);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 1);

    handle(cothread_create(NULL));
    for (i = 0; i < TASKS; i++) {
        spawned = spawn(task, NULL);
        for (j = 0; j < CALLBACKS; j++)
            expect(spawned != stale[j], 1);
        expect(cothread_cancel(stale[CALLBACKS - 1]), COTHREAD_EHANDLE);
        join(spawned);
    }
    return nothing_left();
}
