/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle scheduler;

static void callback(void *unused) {
    (void)unused;
    note("ran");
}

static void *posts(void *unused) { /* in a task the same call waits */
    while (cothread_post(scheduler, callback, NULL, COTHREAD_NOW) == 0)
        continue;
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .flags = COTHREAD_HOSTED, .callback_bound = 2};
    cothread_handle task;
    scheduler = handle(cothread_create(&options));
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), COTHREAD_EDEADLK);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect_order("ran ran");
    task = spawn(posts, NULL);
    while (cothread_join(task, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect_order("ran ran ran");
    return nothing_left();
}
