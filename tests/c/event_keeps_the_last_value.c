/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    int first, second;
    void *value = NULL;
    cothread_handle event;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    expect(cothread_event_signal(event, &first), 0);
    expect(cothread_event_signal(event, &second), 0);
    expect(cothread_event_wait(event, &value, COTHREAD_FOREVER), 0);
    expect(value == &second, 1);
    expect(cothread_event_wait(event, &value, COTHREAD_NOW), COTHREAD_ETIMEDOUT); /* consumed */
    expect(value == &second, 1);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_wait(event, &value, COTHREAD_FOREVER), 0);
    expect(value == NULL, 1);
    expect(cothread_close(event), 0);
    return nothing_left();
}
