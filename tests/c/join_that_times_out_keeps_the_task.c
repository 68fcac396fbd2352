/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event;
static int value;

static void *task(void *argument) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    return argument;
}

int main(void) {
    cothread_handle awaited;
    void *result = NULL;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    awaited = spawn(task, &value);
    expect(cothread_join(awaited, &result, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_join(awaited, &result, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(result == NULL, 1);
    expect(cothread_event_signal(event, NULL), 1);
    expect(cothread_join(awaited, &result, COTHREAD_FOREVER), 0);
    expect(result == &value, 1);
    expect(cothread_close(event), 0);
    return nothing_left();
}
