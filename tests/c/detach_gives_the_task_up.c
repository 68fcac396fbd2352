/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event;

static void *waits(void *unused) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    note("went on");
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    note("woken");
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    note("cancelled");
    return unused;
}

static void *ends(void *argument) {
    return argument;
}

static void *joiner(void *task) {
    join(*(cothread_handle *)task);
    return NULL;
}

int main(void) {
    cothread_handle living, ended, awaited, waiter;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));

    living = spawn(waits, NULL);
    expect(cothread_detach(living), 0);
    expect(cothread_detach(living), COTHREAD_EHANDLE);
    expect(cothread_join(living, NULL, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(living), 0); /* alive, but in event_wait */
    expect(cothread_event_signal(event, NULL), 1);
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(living), 1);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(living), 0);
    expect(cothread_yield(), 0);
    expect_order("went on woken cancelled");
    expect(cothread_cancel(living), COTHREAD_EHANDLE); /* ended: nothing keeps it */

    ended = spawn(ends, NULL);
    expect(cothread_yield(), 0);
    expect(statistics(cothread_current()).tasks_ended, 1);
    expect(cothread_detach(ended), 0);
    expect(statistics(cothread_current()).tasks_ended, 0);
    expect(cothread_detach(ended), COTHREAD_EHANDLE);

    awaited = spawn(waits, NULL);
    waiter = spawn(joiner, &awaited);
    expect(cothread_yield(), 0);
    expect(cothread_detach(awaited), COTHREAD_EBUSY);
    expect(cothread_event_signal(event, NULL), 1);
    expect(cothread_yield(), 0);
    expect(cothread_wakeup(awaited), 1);
    expect(cothread_cancel(awaited), 0);
    join(waiter);
    expect(cothread_close(event), 0);
    return nothing_left();
}
