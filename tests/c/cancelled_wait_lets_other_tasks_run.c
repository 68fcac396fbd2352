/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int stop;

static void *ignores_it(void *unused) {
    while (!stop)
        expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *other(void *unused) {
    int i;
    for (i = 0; i < 3; i++)
        expect(cothread_yield(), 0);
    stop = 1;
    return unused;
}

int main(void) {
    cothread_handle stubborn, second;
    handle(cothread_create(NULL));
    stubborn = spawn(ignores_it, NULL);
    second = spawn(other, NULL);
    expect(cothread_cancel(stubborn), 0);
    join(stubborn);
    join(second);
    return nothing_left();
}
