/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { POSTS = 100 };
static cothread_handle scheduler;
static int run;

static void counts(void *unused) {
    (void)unused;
    run++;
}

static void posts(void *unused) {
    int i;
    (void)unused;
    for (i = 0; i < POSTS; i++)
        expect(cothread_post(scheduler, counts, NULL, COTHREAD_FOREVER), 0);
    note("posted");
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 2, .callback_budget = 1};
    scheduler = handle(cothread_create(&options));
    expect(cothread_post(scheduler, posts, NULL, COTHREAD_NOW), 0);
    while (run < POSTS || order_length == 0)
        expect(cothread_yield(), 0);
    expect_order("posted");
    expect(statistics(scheduler).callback_run, POSTS + 1);
    return nothing_left();
}
