/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* One callback waits already; others are accepted, start while destroy is under way, and wait too. */
static cothread_handle scheduler, event;

static void waits(void *name) {
    note("%s+", (char *)name);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    note("%s-", (char *)name);
}

static void stubborn(void *unused) {
    (void)unused;
    for (;;)
        cothread_sleep_until(COTHREAD_FOREVER);
}

int main(void) {
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    expect(cothread_post(scheduler, waits, "a", COTHREAD_NOW), 0);
    expect(cothread_yield(), 0);
    expect_order("a+");
    expect(cothread_post(scheduler, waits, "b", COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, waits, "c", COTHREAD_NOW), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    expect(strstr(order, "a-") && strstr(order, "b+") && strstr(order, "c+"), 1);
    expect(strstr(order, "b-") && strstr(order, "c-"), 1);
    expect((long long)order_length, 14); /* each once: "a- b+ b- c+ c-" in some order */

    scheduler = handle(cothread_create(NULL)); /* one that does not end counts as a task */
    expect(cothread_post(scheduler, stubborn, NULL, COTHREAD_NOW), 0);
    expect(cothread_destroy(scheduler, cothread_after(10 * COTHREAD_MILLISECOND)), 1);
    return 0;
}
