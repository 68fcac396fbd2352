/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler, event, other;
static int posted;

static void callback(void *unused) {
    (void)unused;
    posted++;
}

static void *task(void *name) { /* goes on for a while after its cancel */
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_spawn(task, NULL, NULL), COTHREAD_EDEAD);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), COTHREAD_EDEAD);
    expect(cothread_yield(), COTHREAD_ECANCELED);
    note("%s", (char *)name);
    return NULL;
}

static void *never_started(void *name) {
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    note("%s", (char *)name);
    return NULL;
}

int main(void) {
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    spawn(task, "a");
    other = spawn(task, "b");
    expect(cothread_yield(), 0);
    spawn(never_started, "c");
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0); /* accepted: runs */
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    expect(posted, 1);
    expect(strstr(order, "a") && strstr(order, "b") && strstr(order, "c"), 1);
    expect((long long)order_length, 5);

    /* everything of it is stale, or nobody's */
    expect(cothread_spawn(task, NULL, NULL), COTHREAD_ENOSCHEDULER);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_ENOSCHEDULER);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), COTHREAD_EDEAD);
    expect(cothread_interrupt(scheduler), COTHREAD_EDEAD);
    expect(handle(cothread_create(NULL)) != scheduler, 1);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_join(other, NULL, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_event_signal(event, NULL), COTHREAD_EHANDLE);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), COTHREAD_EDEAD);
    return nothing_left();
}
