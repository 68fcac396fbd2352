/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *ends(void *argument) {
    return argument;
}

static void *other(void *unused) {
    note("other");
    return unused;
}

int main(void) {
    cothread_handle ended, late;
    handle(cothread_create(NULL));
    ended = spawn(ends, NULL);
    expect(cothread_yield(), 0);
    late = spawn(other, NULL);
    expect(cothread_join(ended, NULL, COTHREAD_NOW), 0);
    note("joined");
    join(late);
    expect_order("joined other");
    return nothing_left();
}
