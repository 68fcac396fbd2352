/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void callback(void *name) {
    note("%s", (char *)name);
}

int main(void) {
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    cothread_options options = {.size = sizeof options, .callback_bound = 5};
    cothread_handle scheduler = handle(cothread_create(&options));
    cothread_stats stats;
    int i;
    expect(statistics(scheduler).callback_bound, 8); /* rounded up to a power of two */
    for (i = 0; i < 8; i++)
        expect(cothread_post(scheduler, callback, (void *)names[i], COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, callback, "refused", COTHREAD_NOW), COTHREAD_EFULL);
    expect(cothread_post(scheduler, callback, "refused", COTHREAD_NOW), COTHREAD_EFULL);
    expect(cothread_post(scheduler, callback, "refused", COTHREAD_FOREVER), COTHREAD_EDEADLK);
    stats = statistics(scheduler);
    expect(stats.callback_accepted, 8);
    expect(stats.callback_refused, 2);
    expect(stats.callback_depth, 8);
    expect(stats.callback_high_water, 8);
    expect(stats.callback_run, 0);
    expect(cothread_yield(), 0);
    expect_order("a b c d e f g h");
    stats = statistics(scheduler);
    expect(stats.callback_depth, 0);
    expect(stats.callback_run, 8);
    expect(stats.callback_high_water, 8);
    for (i = 0; i < 8; i++) /* there is room for as many again */
        expect(cothread_post(scheduler, callback, (void *)names[i], COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, callback, "refused", COTHREAD_NOW), COTHREAD_EFULL);
    expect(cothread_yield(), 0);
    expect_order("a b c d e f g h");
    return nothing_left();
}
