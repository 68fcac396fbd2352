/* A wait that is refused, or satisfied once too often in a tick, lets other tasks run. What these close, and make anew in its
 * place, is no more of the wait's: a channel has other elements by then.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { WAITS = 5000 };

static cothread_handle channel, event;
static int over, changes;

/* Nobody receives: a send to it waits. */
static void change(void) {
    expect(cothread_close(channel), 0);
    channel = handle(cothread_channel_create(++changes % 2 ? 40 : 8, 0, 0));
}

static int wait_for_both(void) {
    char element[40] = "an element, and no address";
    cothread_item items[2] = {{.kind = COTHREAD_ITEM_SEND, .object = channel, .element = element},
                              {.kind = COTHREAD_ITEM_EVENT, .object = event}};
    return cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0);
}

static void *is_cancelled(void *unused) {
    for (int i = 0; i < 4; i++)
        expect(wait_for_both(), COTHREAD_ECANCELED);
    over = 1;
    return unused;
}

static void *is_satisfied(void *unused) {
    for (int i = 0; i < WAITS; i++)
        expect(wait_for_both(), 1);
    over = 1;
    return unused;
}

static void tried(cothread_function function, int cancelled) {
    cothread_handle task = spawn(function, NULL);
    int before = changes;
    if (cancelled)
        expect(cothread_cancel(task), 0);
    for (over = 0; !over; change())
        expect(cothread_yield(), 0);
    expect(changes - before > 1, 1);
    join(task);
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(8, 0, 0));
    event = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    tried(is_cancelled, 1);
    expect(cothread_event_signal(event, NULL), 0);
    tried(is_satisfied, 0);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 0);
    return 0;
}
