/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle sleeper;

static void *sleeps(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    note("woken");
    return unused;
}

static void *yields(void *unused) {
    expect(cothread_yield(), 0);
    note("yielded");
    return unused;
}

static void *wakes(void *unused) {
    expect(cothread_wakeup(sleeper), 1);
    note("waker");
    return unused;
}

static void *bystander(void *unused) {
    note("bystander");
    return unused;
}

int main(void) {
    cothread_handle a, b, c;
    handle(cothread_create(NULL));
    sleeper = spawn(sleeps, NULL);
    expect(cothread_yield(), 0);
    a = spawn(yields, NULL);
    b = spawn(wakes, NULL);
    c = spawn(bystander, NULL);
    join(a);
    join(b);
    join(c);
    join(sleeper);
    expect_order("waker bystander woken yielded");
    return nothing_left();
}
