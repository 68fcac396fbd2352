/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle group;

static void *member(void *event) {
    expect(cothread_event_wait((cothread_handle)(intptr_t)event, NULL, COTHREAD_FOREVER), 0);
    return NULL;
}

static void *waits_for(void *count) {
    int ended = cothread_group_wait(group, (uint32_t)(intptr_t)count, COTHREAD_FOREVER);
    note("%d:%d", (int)(intptr_t)count, ended);
    return NULL;
}

int main(void) {
    static const int counts[] = {3, 0, 1, 2, 3, 1, 9, 2, 4};
    enum { WAITERS = sizeof counts / sizeof *counts, MEMBERS = 4 };
    cothread_handle waiters[WAITERS], event;
    int i;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    group = handle(cothread_group_create(0));
    for (i = 0; i < MEMBERS; i++)
        expect(cothread_group_add(group, spawn(member, (void *)(intptr_t)event)), 0);
    for (i = 0; i < WAITERS; i++)
        waiters[i] = spawn(waits_for, (void *)(intptr_t)counts[i]);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);
    for (i = 0; i < MEMBERS; i++) {
        expect(cothread_event_signal(event, NULL), 1);
        expect(cothread_yield(), 0);
        expect(cothread_yield(), 0);
    }
    /* the smallest first, equal ones in the order in which they came, and all with the last member */
    expect_order("1:1 1:1 2:2 2:2 3:3 3:3 4:4 9:4 0:4");
    for (i = 0; i < WAITERS; i++)
        join(waiters[i]);
    return nothing_left();
}
