/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int value;

static void *task(void *argument) {
    expect(argument == &value, 1);
    cothread_yield();
    return argument;
}

static void *quick(void *argument) {
    return argument;
}

int main(void) {
    void *result = NULL;
    handle(cothread_create(NULL));
    expect(cothread_join(spawn(task, &value), &result, COTHREAD_FOREVER), 0);
    expect(result == &value, 1);
    result = &value;
    expect(cothread_join(spawn(quick, NULL), &result, COTHREAD_FOREVER), 0);
    expect(result == NULL, 1);
    expect(cothread_join(spawn(task, &value), NULL, COTHREAD_FOREVER), 0);
    return nothing_left();
}
