/* It would wait for its own end. For a number of ends it may wait: it takes part in none of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "items.h"

static cothread_handle group, other;

static void *member(void *unused) {
    cothread_item items[] = {EVENT(handle(cothread_event_create(0))), GROUP(group, 0)};
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), COTHREAD_EDEADLK);
    expect(cothread_group_wait(group, 0, COTHREAD_NOW), COTHREAD_EDEADLK);
    expect(strstr(cothread_last_error(), "its own end") != NULL, 1);
    expect(wait_items(items, 2, COTHREAD_FOREVER, 0), COTHREAD_EDEADLK);
    expect(strncmp(cothread_last_error(), "item 1: ", 8), 0);
    expect(wait_items(&items[1], 1, COTHREAD_FOREVER, 0), COTHREAD_EDEADLK);
    expect(cothread_group_wait(other, 0, COTHREAD_FOREVER), 0); /* nobody is in that one */
    expect(cothread_group_wait(group, 1, COTHREAD_FOREVER), 1); /* the other member's end */
    expect(cothread_close(items[0].object), 0);
    return unused;
}

static void *ends(void *unused) {
    return unused;
}

int main(void) {
    handle(cothread_create(NULL));
    group = handle(cothread_group_create(0));
    other = handle(cothread_group_create(0));
    expect(cothread_group_add(group, spawn(member, NULL)), 0);
    expect(cothread_group_add(group, spawn(ends, NULL)), 0);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 2);
    return nothing_left();
}
