/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle awaited;

static void *ends(void *argument) {
    return argument;
}

static void *waits(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    note("went on");
    return unused;
}

static void *joiner(void *unused) {
    join(awaited);
    return unused;
}

int main(void) {
    cothread_handle group, other, ended, member, waiter;
    handle(cothread_create(NULL));
    group = handle(cothread_group_create(0));
    other = handle(cothread_group_create(0));
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 0);
    expect(cothread_group_wait(group, 5, COTHREAD_FOREVER), 0);

    ended = spawn(ends, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_group_add(group, ended), 0);
    expect(cothread_group_wait(group, 1, COTHREAD_NOW), 1);
    expect(statistics(cothread_current()).tasks_ended, 0); /* nobody can ask for its result any more */

    member = spawn(waits, NULL);
    expect(cothread_group_add(group, member), 0);
    expect(cothread_group_add(group, member), COTHREAD_EHANDLE);
    expect(cothread_group_add(other, member), COTHREAD_EHANDLE);
    expect(cothread_join(member, NULL, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_detach(member), COTHREAD_EHANDLE);
    expect(cothread_yield(), 0);

    awaited = spawn(waits, NULL);
    waiter = spawn(joiner, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_group_add(group, awaited), COTHREAD_EHANDLE); /* somebody waits to join it */
    expect(cothread_wakeup(awaited), 1);
    join(waiter);
    expect_order("went on");

    expect(cothread_close(group), 0); /* its member goes on detached */
    expect(cothread_wakeup(member), 1);
    expect(cothread_yield(), 0);
    expect_order("went on");
    expect(cothread_wakeup(member), COTHREAD_EHANDLE);
    expect(cothread_close(other), 0);
    return nothing_left();
}
