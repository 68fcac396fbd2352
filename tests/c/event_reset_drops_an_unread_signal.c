/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

int main(void) {
    cothread_handle event;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    expect(cothread_event_reset(event), 0);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_reset(event), 1);
    expect(cothread_event_reset(event), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    return nothing_left();
}
