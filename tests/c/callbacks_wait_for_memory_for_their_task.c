/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "limit.h"

static void callback(void *number) {
    note("%d", (int)(intptr_t)number);
}

int main(void) {
    cothread_handle scheduler;
    cothread_stats stats;
    intptr_t i;
    if (SANITIZED)
        return 0; /* its shadow takes address space by itself */
    scheduler = handle(cothread_create(NULL));
    limit_address_space(15ul << 20); /* the first stack takes a slab of 16 MiB, and Go may want some meanwhile */
    for (i = 0; i < 3; i++)
        expect(cothread_post(scheduler, callback, (void *)i, COTHREAD_NOW), 0);
    for (i = 0; i < 10; i++)
        expect(cothread_yield(), 0);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0); /* main is not held up */
    expect_order("");
    stats = statistics(scheduler);
    expect(stats.callback_depth, 3);
    expect(stats.callback_run, 0);
    limit_address_space(RLIM_INFINITY);
    expect(cothread_yield(), 0);
    expect_order("0 1 2");
    stats = statistics(scheduler);
    expect(stats.callback_depth, 0);
    expect(stats.callback_run, 3);
    return nothing_left();
}
