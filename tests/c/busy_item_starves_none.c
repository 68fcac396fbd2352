/* SPDX-License-Identifier: Apache-2.0
 * Of several items that always have something each is taken: which one is left to chance. */
#include "items.h"

enum { ITEMS = 8, WAITS = 8000 };

int main(void) {
    cothread_handle channels[ITEMS];
    cothread_item items[ITEMS];
    int taken[ITEMS] = {0}, reported[ITEMS] = {0}, i, n;
    char element;
    handle(cothread_create(NULL));
    for (i = 0; i < ITEMS; i++) {
        channels[i] = handle(cothread_channel_create(1, 1, 0));
        items[i] = RECEIVE(channels[i], &element);
        expect(cothread_channel_send(channels[i], "x", COTHREAD_NOW), 0);
    }
    for (n = 0; n < WAITS; n++) {
        expect(wait_items(items, ITEMS, COTHREAD_FOREVER, 0), 1);
        for (i = 0; i < ITEMS; i++)
            if (items[i].fired) {
                taken[i]++;
                expect(cothread_channel_send(channels[i], "x", COTHREAD_NOW), 0);
            }
    }
    for (i = 0; i < ITEMS; i++) /* 1000 are expected, the deviation is 30 */
        if (taken[i] < 800 || taken[i] > 1200)
            fail_at(__FILE__, __LINE__, "item %d was taken %d of %d times", i, taken[i], WAITS);
    for (i = 0; i < ITEMS; i++) { /* conditions too, if one of them is reported */
        items[i] = EVENT(handle(cothread_event_create(COTHREAD_MANUAL_RESET)));
        expect(cothread_event_signal(items[i].object, NULL), 0);
    }
    for (n = 0; n < WAITS; n++) {
        expect(wait_items(items, ITEMS, COTHREAD_FOREVER, COTHREAD_ONE), 1);
        for (i = 0; i < ITEMS; i++)
            reported[i] += (int)items[i].fired;
    }
    for (i = 0; i < ITEMS; i++)
        expect(reported[i] > 800 && reported[i] < 1200, 1);
    return nothing_left();
}
