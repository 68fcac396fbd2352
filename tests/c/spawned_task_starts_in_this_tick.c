/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *child(void *unused) {
    note("child");
    return unused;
}

static void *parent(void *task) {
    *(cothread_handle *)task = spawn(child, NULL);
    note("parent");
    return NULL;
}

static void *yields(void *unused) {
    expect(cothread_yield(), 0);
    note("next tick");
    return unused;
}

int main(void) {
    cothread_handle yielder, spawner, spawned = 0;
    handle(cothread_create(NULL));
    yielder = spawn(yields, NULL); /* joins the next tick before the child exists, and still runs after it */
    spawner = spawn(parent, &spawned);
    join(yielder);
    join(spawner);
    join(spawned);
    expect_order("parent child next tick");
    return nothing_left();
}
