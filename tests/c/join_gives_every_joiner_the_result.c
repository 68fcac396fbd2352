/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle awaited;
static int value;

static void *task(void *argument) {
    cothread_yield();
    note("end");
    return argument;
}

static void *joiner(void *name) {
    void *result = NULL;
    expect(cothread_join(awaited, &result, COTHREAD_FOREVER), 0);
    expect(result == &value, 1);
    note("%s", (char *)name);
    return NULL;
}

int main(void) {
    cothread_handle a, b, c;
    handle(cothread_create(NULL));
    awaited = spawn(task, &value);
    a = spawn(joiner, "a");
    b = spawn(joiner, "b");
    c = spawn(joiner, "c");
    join(a);
    join(b);
    join(c);
    expect_order("end a b c");
    expect(cothread_join(awaited, NULL, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    return nothing_left();
}
