/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *argument) {
    return argument;
}

int main(void) {
    cothread_handle ended;
    void *result = NULL;
    handle(cothread_create(NULL));
    ended = spawn(task, &result);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(ended), 0);
    expect(cothread_join(ended, &result, COTHREAD_FOREVER), 0);
    expect(result == &result, 1);
    return nothing_left();
}
