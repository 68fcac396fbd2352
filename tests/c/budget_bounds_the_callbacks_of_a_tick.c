/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int started;

static void callback(void *unused) {
    (void)unused;
    started++;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_budget = 3};
    cothread_handle scheduler = handle(cothread_create(&options));
    int i, before;
    for (i = 0; i < 10; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    for (i = 0; started < 10; i++) {
        before = started;
        expect(cothread_yield(), 0); /* main runs once a tick */
        expect(started - before <= 3, 1);
        expect(i < 20, 1);
    }
    expect(i >= 3, 1);
    return nothing_left();
}
