/* SPDX-License-Identifier: Apache-2.0
 * A wait that is satisfied at once does not suspend; but a task that has 1000 of them in a tick lets the others run, whatever
 * it waits for. */
#include "test.h"
#include <fcntl.h>

static cothread_handle event, channel, mutex, semaphore, group;
static int others;

static void *other(void *unused) {
    for (;;) {
        if (cothread_yield() < 0)
            return unused;
        others++;
    }
}

static void *ended(void *argument) {
    return argument;
}

static void on_event(void) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
}
static void on_channel(void) {
    int64_t element = 1;
    expect(cothread_channel_send(channel, &element, COTHREAD_FOREVER), 0);
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
}
static void on_mutex(void) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_mutex_unlock(mutex), 0);
}
static void on_semaphore(void) {
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), 0);
    expect(cothread_semaphore_release(semaphore, 1), 0);
}
static void on_group(void) {
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 0);
}
static void on_items(void) {
    cothread_item items[] = {{.kind = COTHREAD_ITEM_EVENT, .object = event}, {.kind = COTHREAD_ITEM_GROUP, .object = group}};
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 2);
    expect(cothread_wait(items, sizeof *items, 1, COTHREAD_FOREVER, 0), 1);
}
static void on_descriptor(void) {
    expect(cothread_wait_fd(1, COTHREAD_WRITABLE | COTHREAD_READABLE, COTHREAD_FOREVER) > 0, 1);
}

int main(void) {
    static void (*const waits[])(void) = {on_event, on_channel, on_mutex, on_semaphore, on_group, on_items, on_descriptor};
    cothread_handle task, tasks[5000];
    int null = open("/dev/null", O_RDWR);
    size_t i;
    int n;
    expect(dup2(null, 1), 1);
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    expect(cothread_event_signal(event, NULL), 0);
    channel = handle(cothread_channel_create(sizeof(int64_t), 1, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(1, 0));
    group = handle(cothread_group_create(0));
    task = spawn(other, NULL);
    expect(cothread_yield(), 0);
    for (i = 0; i < sizeof waits / sizeof *waits; i++) {
        others = 0;
        for (n = 0; n < 10000; n++)
            waits[i]();
        if (others < 9)
            fail_at(__FILE__, __LINE__, "wait %zu: the other task ran %d times while 10000 were satisfied", i, others);
    }
    for (n = 0; n < 5000; n++)
        tasks[n] = spawn(ended, NULL);
    for (n = 0; n < 6; n++)
        expect(cothread_yield(), 0);
    others = 0;
    for (n = 0; n < 5000; n++)
        join(tasks[n]);
    expect(others >= 4, 1);
    expect(cothread_cancel(task), 0);
    join(task);
    return nothing_left();
}
