/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *unused) {
    expect(cothread_run(COTHREAD_FOREVER), COTHREAD_EBUSY);
    expect(cothread_run(COTHREAD_NOW), COTHREAD_EBUSY);
    return unused;
}

int main(void) {
    cothread_handle inner;
    handle(cothread_create(NULL));
    inner = spawn(task, NULL);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    join(inner);
    return nothing_left();
}
