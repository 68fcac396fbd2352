/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler, task;
static int run;

static void callback(void *unused) {
    (void)unused;
    run++;
}

static void *fills_up(void *unused) {
    while (cothread_post(scheduler, callback, NULL, COTHREAD_NOW) == 0)
        continue;
    expect(cothread_cancel(cothread_self()), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 4};
    scheduler = handle(cothread_create(&options));
    task = spawn(fills_up, NULL);
    join(task);
    expect(cothread_yield(), 0);
    expect(run, 4);
    return nothing_left();
}
