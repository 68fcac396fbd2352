/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *racer(void *name) {
    int i, result = 0;
    for (i = 0; i < *(char *)name - '0' && result == 0; i++)
        result = cothread_yield();
    note("%s%s", (char *)name, result == COTHREAD_ECANCELED ? "!" : "");
    return NULL;
}

int main(void) {
    static const char *const names[] = {"8", "1", "9", "2"};
    cothread_handle group, tasks[4];
    int i;
    handle(cothread_create(NULL));
    group = handle(cothread_group_create(0));
    for (i = 0; i < 4; i++) {
        tasks[i] = spawn(racer, (void *)names[i]);
        expect(cothread_group_add(group, tasks[i]), 0);
    }
    expect(cothread_group_wait(group, 2, COTHREAD_FOREVER), 2);
    expect_order("1 2");
    expect(cothread_group_wait(group, 2, COTHREAD_FOREVER), 2); /* of all, not of those left */
    expect(cothread_group_cancel(group), 2);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 4);
    expect_order("8! 9!");
    expect(cothread_group_cancel(group), 0);
    expect(cothread_group_wait(group, 99, COTHREAD_FOREVER), 4);
    expect(cothread_close(group), 0);
    return nothing_left();
}
