/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle mutex;

static void *task(void *name) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    note("%s+", (char *)name);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);
    note("%s-", (char *)name);
    expect(cothread_mutex_unlock(mutex), 0);
    return NULL;
}

int main(void) {
    cothread_handle a, b, c;
    handle(cothread_create(NULL));
    mutex = handle(cothread_mutex_create(0));
    a = spawn(task, "a");
    b = spawn(task, "b");
    c = spawn(task, "c");
    join(a);
    join(b);
    join(c);
    expect_order("a+ a- b+ b- c+ c-");
    expect(cothread_close(mutex), 0);
    return nothing_left();
}
