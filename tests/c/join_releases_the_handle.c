/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *argument) {
    return argument;
}

int main(void) {
    cothread_handle joined, next;
    handle(cothread_create(NULL));
    joined = spawn(task, NULL);
    join(joined);
    next = spawn(task, NULL); /* takes the place of the joined one, not its handle */
    expect(next != joined, 1);
    expect(cothread_join(joined, NULL, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_join(joined, NULL, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_detach(joined), COTHREAD_EHANDLE);
    expect(cothread_cancel(joined), COTHREAD_EHANDLE);
    expect(cothread_wakeup(joined), COTHREAD_EHANDLE);
    join(next);
    return nothing_left();
}
