/* SPDX-License-Identifier: Apache-2.0
 * A wait for several things that times out, is cancelled or interrupted leaves nothing behind, and the items as they were. */
#include "items.h"

static cothread_handle event, channel, large, semaphore, mutex, timer, child, group;
static int fds[2], reason;
static char byte[100];
static int64_t deadline;

static int wait_for_all_kinds(int64_t until) {
    cothread_item items[] = {EVENT(event),    RECEIVE(channel, byte), RECEIVE(large, byte), SEND(channel, byte), SEND(large, byte),
                             ACQUIRE(semaphore), LOCK(mutex),         TIMER(timer),         TASK(child),         GROUP(group, 1),
                             FD(fds[0], COTHREAD_READABLE)};
    size_t i, count = sizeof items / sizeof *items;
    int rc;
    for (i = 0; i < count; i++)
        items[i].value = items[i].fired = 77;
    rc = wait_items(items, count, until, 0);
    for (i = 0; i < count; i++)
        expect(items[i].value == 77 && items[i].fired == 77, 1);
    return rc;
}

static void *waits(void *unused) {
    reason = wait_for_all_kinds(deadline);
    return unused;
}

static void *lives(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    return unused;
}

static void nothing_was_taken(void) {
    char element[100];
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), 0);
    expect(cothread_channel_send(channel, byte, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_receive(channel, element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_send(large, element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_receive(large, element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_READABLE);
    expect(read(fds[0], element, 1), 1);
}

int main(void) {
    cothread_handle task, member;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(1, 0, 0));
    large = handle(cothread_channel_create(100, 0, 0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    mutex = handle(cothread_mutex_create(0));
    timer = handle(cothread_timer_create(0));
    child = spawn(lives, NULL);
    group = handle(cothread_group_create(0));
    member = spawn(lives, NULL);
    expect(cothread_group_add(group, member), 0);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);

    deadline = cothread_after(COTHREAD_MILLISECOND);
    join(spawn(waits, NULL));
    expect(reason, COTHREAD_ETIMEDOUT);
    nothing_was_taken();

    deadline = COTHREAD_NOW;
    join(spawn(waits, NULL));
    expect(reason, COTHREAD_ETIMEDOUT);
    nothing_was_taken();

    deadline = COTHREAD_FOREVER;
    task = spawn(waits, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    expect(reason, COTHREAD_ECANCELED);
    nothing_was_taken();

    task = spawn(waits, NULL); /* before it began */
    expect(cothread_cancel(task), 0);
    join(task);
    expect(reason, COTHREAD_ECANCELED);
    nothing_was_taken();

    expect(cothread_interrupt(cothread_current()), 0); /* main's */
    expect(cothread_mutex_unlock(mutex), 0);
    {
        cothread_item items[] = {EVENT(event), RECEIVE(large, byte)};
        expect(wait_items(items, 2, COTHREAD_FOREVER, 0), COTHREAD_EINTR);
    }
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    nothing_was_taken();

    expect(cothread_timer_set(timer, COTHREAD_NOW, 0), 0); /* and its expiry is still to be told */
    {
        cothread_item item = TIMER(timer);
        expect(wait_items(&item, 1, COTHREAD_NOW, 0), 1);
    }
    expect(cothread_wakeup(child), 1);
    expect(cothread_wakeup(member), 1);
    join(child);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 1);
    return nothing_left();
}
