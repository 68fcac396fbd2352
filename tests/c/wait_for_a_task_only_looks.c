/* SPDX-License-Identifier: Apache-2.0
 * Whoever waits for a task's end among other things learns the result and releases nothing: it is no joiner. */
#include "items.h"

static cothread_handle event;

static void *ends(void *result) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    return result;
}

static void *watches(void *task) {
    cothread_item items[] = {TASK(*(cothread_handle *)task), EVENT(handle(cothread_event_create(0)))};
    expect(wait_items(items, 2, COTHREAD_FOREVER, 0), 1);
    expect(items[0].fired, 1);
    expect(cothread_close(items[1].object), 0);
    return (void *)(uintptr_t)items[0].value;
}

static void *watches_alone(void *task) {
    cothread_item item = TASK(*(cothread_handle *)task);
    expect(wait_items(&item, 1, COTHREAD_FOREVER, 0), 1);
    return (void *)(uintptr_t)item.value;
}

static void *joins(void *task) {
    void *result;
    expect(cothread_join(*(cothread_handle *)task, &result, COTHREAD_FOREVER), 0);
    return result;
}

static void told(cothread_handle watcher, uintptr_t value) {
    void *result;
    expect(cothread_join(watcher, &result, COTHREAD_FOREVER), 0);
    expect((uintptr_t)result, value);
}

int main(void) {
    cothread_handle task, watcher, alone, joiner, group;
    cothread_item item;
    void *result;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));

    task = spawn(ends, (void *)7); /* only watched: it can be joined at once, and was not counted as joined */
    watcher = spawn(watches, &task);
    alone = spawn(watches_alone, &task);
    expect(cothread_yield(), 0);
    expect(cothread_event_signal(event, NULL), 1);
    told(watcher, 7);
    told(alone, 7);
    expect(statistics(cothread_current()).tasks_ended, 1);
    item = TASK(task);
    expect(wait_items(&item, 1, COTHREAD_NOW, 0), 1); /* it still holds */
    expect(item.value, 7);
    expect(cothread_join(task, &result, COTHREAD_NOW), 0);
    expect((uintptr_t)result, 7);
    expect(wait_items(&item, 1, COTHREAD_NOW, 0), COTHREAD_EHANDLE);

    task = spawn(ends, (void *)8); /* beside a joiner */
    watcher = spawn(watches, &task);
    joiner = spawn(joins, &task);
    expect(cothread_yield(), 0);
    expect(cothread_event_signal(event, NULL), 1);
    told(joiner, 8);
    told(watcher, 8);

    task = spawn(ends, (void *)9); /* detached while it is watched */
    watcher = spawn(watches, &task);
    alone = spawn(watches_alone, &task);
    expect(cothread_yield(), 0);
    expect(cothread_detach(task), 0);
    expect(cothread_event_signal(event, NULL), 1);
    told(watcher, 0);
    told(alone, 0);
    item = TASK(task);
    expect(wait_items(&item, 1, COTHREAD_NOW, 0), COTHREAD_EHANDLE);

    task = spawn(ends, (void *)10); /* in a group */
    watcher = spawn(watches, &task);
    expect(cothread_yield(), 0);
    group = handle(cothread_group_create(0));
    expect(cothread_group_add(group, task), 0);
    alone = spawn(watches_alone, &task);
    expect(cothread_yield(), 0);
    expect(cothread_event_signal(event, NULL), 1);
    told(watcher, 0);
    told(alone, 0);
    expect(cothread_group_wait(group, 0, COTHREAD_NOW), 1);
    return nothing_left();
}
