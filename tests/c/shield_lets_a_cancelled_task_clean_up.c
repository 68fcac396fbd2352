/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle children, event;

static void *child(void *argument) {
    (void)argument;
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_shield(1), 0);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0); /* longer than its parent can wait without a shield */
    expect(cothread_shield(0), 1);
    note("child");
    return NULL;
}

static void *parent(void *argument) {
    (void)argument;
    expect(cothread_group_add(children, spawn(child, NULL)), 0);
    expect(cothread_sleep(3600 * COTHREAD_SECOND), COTHREAD_ECANCELED);
    expect(cothread_group_cancel(children), 1);
    expect(cothread_group_wait(children, 0, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_shield(1), 0);
    expect(cothread_group_wait(children, 0, COTHREAD_FOREVER), 1);
    note("parent");
    expect(cothread_yield(), 0);
    expect(cothread_shield(0), 1);
    expect(cothread_yield(), COTHREAD_ECANCELED); /* the request stayed */
    return NULL;
}

int main(void) {
    cothread_handle task;
    handle(cothread_create(NULL));
    expect(cothread_shield(2), COTHREAD_EINVAL);
    expect(cothread_shield(-1), COTHREAD_EINVAL);
    children = handle(cothread_group_create(0));
    event = handle(cothread_event_create(0));
    task = spawn(parent, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    expect_order("child parent");
    return nothing_left();
}
