/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Handles are never reused: an old one stays dead however often its place is taken again. */
int main(void) {
    cothread_handle first, object;
    int i;
    handle(cothread_create(NULL));
    first = handle(cothread_event_create(0));
    expect(cothread_close(first), 0);
    for (i = 0; i < 100000; i++) {
        object = handle(cothread_event_create(0));
        expect(object == first, 0);
        if (i % 1000 == 0) {
            expect(cothread_event_signal(first, NULL), COTHREAD_EHANDLE);
            expect(cothread_close(first), COTHREAD_EHANDLE);
        }
        expect(cothread_close(object), 0);
    }
    return nothing_left();
}
