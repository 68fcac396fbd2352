/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle host_task;

static void *joiner(void *unused) {
    void *result = NULL;
    expect(cothread_join(host_task, &result, COTHREAD_FOREVER), 0);
    expect((intptr_t)result, 123);
    note("joined");
    return unused;
}

int main(void) {
    cothread_handle other;
    hosted(0);
    host_task = handle(cothread_host_create(1, "host", 0));
    expect(cothread_detach(spawn(joiner, NULL)), 0);
    expect(batch(COTHREAD_NOW), 0);
    finish(host_task, 123);
    while (order_length == 0)
        expect(batch(COTHREAD_NOW), 0);
    expect_order("joined");
    expect(cothread_join(host_task, NULL, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_cancel(host_task), COTHREAD_EHANDLE);

    other = handle(cothread_host_create(2, NULL, 0)); /* its place is taken again, its handle is not */
    expect(other != host_task, 1);
    finish(other, 0);
    expect(batch(COTHREAD_NOW), 0);
    return nothing_left();
}
