/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *name) {
    note("%s", (char *)name);
    return NULL;
}

static void *parent(void *unused) {
    cothread_handle child = spawn(task, "child");
    note("parent");
    join(child);
    return unused;
}

int main(void) {
    cothread_handle a, b, c;
    handle(cothread_create(NULL));
    a = spawn(task, "a");
    b = spawn(parent, NULL);
    c = spawn(task, "c");
    note("main");
    join(b);
    join(a);
    join(c);
    expect_order("main a parent c child");
    return nothing_left();
}
