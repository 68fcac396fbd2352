/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler;
static int run, other_ran;

static void callback(void *unused) {
    (void)unused;
    run++;
}

static void *poster(void *unused) {
    int i;
    for (i = 0; i < 100; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *other(void *unused) {
    while (run < 50) {
        other_ran++;
        expect(cothread_yield(), 0);
    }
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 4};
    cothread_handle a, b;
    scheduler = handle(cothread_create(&options));
    a = spawn(poster, NULL);
    b = spawn(other, NULL);
    join(a);
    join(b);
    while (run < 100)
        expect(cothread_yield(), 0);
    expect(other_ran > 1, 1);
    return nothing_left();
}
