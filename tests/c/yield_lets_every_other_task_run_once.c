/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *name) {
    int i;
    for (i = 0; i < 3; i++) {
        note("%s%d", (char *)name, i);
        expect(cothread_yield(), 0);
    }
    return NULL;
}

int main(void) {
    cothread_handle a, b, c;
    handle(cothread_create(NULL));
    a = spawn(task, "a");
    b = spawn(task, "b");
    c = spawn(task, "c");
    expect(cothread_yield(), 0);
    note("main");
    join(a);
    join(b);
    join(c);
    /* main yielded before the three did, so it is first in the second tick */
    expect_order("a0 b0 c0 main a1 b1 c1 a2 b2 c2");
    return nothing_left();
}
