/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle group;

static void *member(void *yields) {
    int i;
    for (i = 0; i < *(int *)yields; i++)
        expect(cothread_yield(), 0);
    note("end%d", *(int *)yields);
    return NULL;
}

static void *waiter(void *count) {
    int ended = cothread_group_wait(group, (uint32_t)*(int *)count, COTHREAD_FOREVER);
    note("wait%d", ended);
    return NULL;
}

int main(void) {
    int yields[] = {2, 4, 6}, counts[] = {0, 2, 1}, i;
    cothread_handle tasks[3];
    handle(cothread_create(NULL));
    group = handle(cothread_group_create(0));
    for (i = 0; i < 3; i++) {
        expect(cothread_group_add(group, spawn(member, &yields[i])), 0);
        tasks[i] = spawn(waiter, &counts[i]);
    }
    for (i = 0; i < 3; i++)
        join(tasks[i]);
    expect_order("end2 wait1 end4 wait2 end6 wait3");
    expect(cothread_close(group), 0);
    return nothing_left();
}
