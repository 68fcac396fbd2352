/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *argument) {
    note("%s", (const char *)argument);
    return argument;
}

int main(void) {
    cothread_task_options detached = {sizeof detached, COTHREAD_DETACHED, 0, 0, "nobody's"};
    cothread_handle h;
    handle(cothread_create(NULL));
    h = handle(cothread_spawn(task, "ran", &detached));
    expect(cothread_join(h, NULL, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_cancel(h), 0);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    expect_order("ran");
    expect(cothread_cancel(h), COTHREAD_EHANDLE);
    return nothing_left();
}
