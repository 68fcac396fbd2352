/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *child(void *unused) {
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    note("child");
    return unused;
}

static void *parent(void *unused) {
    note("parent");
    expect(cothread_detach(spawn(child, NULL)), 0);
    return unused;
}

int main(void) {
    handle(cothread_create(NULL));
    expect(cothread_run(COTHREAD_FOREVER), 0);
    expect(cothread_detach(spawn(parent, NULL)), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    expect_order("parent child");
    expect(cothread_run(COTHREAD_FOREVER), 0);
    return nothing_left();
}
