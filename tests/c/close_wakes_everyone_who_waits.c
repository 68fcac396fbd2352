/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event, full, empty, semaphore, group;

static void *waits_for_event(void *unused) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("event");
    return unused;
}

static void *sends(void *unused) {
    expect(cothread_channel_send(full, NULL, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("send");
    return unused;
}

static void *receives(void *unused) {
    expect(cothread_channel_receive(empty, NULL, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("receive");
    return unused;
}

static void *acquires(void *unused) {
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("acquire");
    return unused;
}

static void *waits_for_group(void *unused) {
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("group");
    return unused;
}

static void *waits_for_items(void *unused) {
    cothread_item items[] = {{.kind = COTHREAD_ITEM_EVENT, .object = event}, {.kind = COTHREAD_ITEM_ACQUIRE, .object = semaphore}};
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 2); /* both were closed by its turn */
    expect(items[0].result, COTHREAD_ECLOSED);
    note("items");
    return unused;
}

static void *member(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    static const cothread_function functions[] = {waits_for_event, waits_for_event, sends,
                                                  receives,        acquires,        waits_for_group, waits_for_items};
    cothread_handle tasks[7], in_group;
    int i;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    full = handle(cothread_channel_create(0, 1, 0));
    expect(cothread_channel_send(full, NULL, COTHREAD_NOW), 0);
    empty = handle(cothread_channel_create(0, 1, 0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    group = handle(cothread_group_create(0));
    in_group = spawn(member, NULL);
    expect(cothread_group_add(group, in_group), 0);
    for (i = 0; i < 7; i++)
        tasks[i] = spawn(functions[i], NULL);
    expect(cothread_yield(), 0);
    expect(cothread_close(event), 0);
    expect(cothread_close(full), 0);
    expect(cothread_close(empty), 0);
    expect(cothread_close(semaphore), 0);
    expect(cothread_close(group), 0);
    for (i = 0; i < 7; i++)
        join(tasks[i]);
    expect_order("event event items send receive acquire group");
    expect(cothread_wakeup(in_group), 1);
    expect(cothread_yield(), 0);
    return nothing_left();
}
