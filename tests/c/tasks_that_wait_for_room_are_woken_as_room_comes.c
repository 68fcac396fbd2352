/* SPDX-License-Identifier: Apache-2.0
 * A crowd that posts into a queue of one: a callback that starts makes room for one task, and wakes no more than that. */
#include "test.h"

enum { TASKS = 1000 };

static cothread_handle scheduler;
static int run;

static void callback(void *unused) {
    (void)unused;
    run++;
}

static void *posts(void *unused) {
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 1};
    cothread_stats before = {.size = sizeof before}, after = {.size = sizeof after};
    int i;
    scheduler = handle(cothread_create(&options));
    for (i = 0; i < TASKS; i++)
        expect(cothread_detach(spawn(posts, NULL)), 0);
    expect(cothread_statistics(scheduler, &before), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    while (run < TASKS)
        expect(cothread_yield(), 0);
    expect(cothread_statistics(scheduler, &after), 0);
    if (after.switches - before.switches > 10 * TASKS)
        fail_at(__FILE__, __LINE__, "%llu switches", (unsigned long long)(after.switches - before.switches));
    return nothing_left();
}
