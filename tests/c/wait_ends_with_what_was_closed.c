/* SPDX-License-Identifier: Apache-2.0
 * What becomes impossible while a task waits fires with the error as its result, of every kind; the other items are as they were. */
#include "items.h"

static cothread_item *waited;
static size_t count;
static int result;

static void *waits(void *unused) {
    result = wait_items(waited, count, cothread_after(60 * COTHREAD_SECOND), 0);
    return unused;
}

static void *lives(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    return unused;
}

static cothread_handle channel;
static int fds[2];

static void closes(cothread_handle object) {
    expect(cothread_close(object), 0);
}
static void is_done(cothread_handle object) {
    expect(cothread_channel_done(object), 0);
}
static void wakes(cothread_handle fd) {
    expect(cothread_wake_fd((int)fd) >= 1, 1);
}

static void ends_with(cothread_item item, void (*end)(cothread_handle object)) {
    cothread_item idle = EVENT(handle(cothread_event_create(0))), several[] = {idle, item, idle}, alone = item;
    int i;
    for (i = 0; i < 2; i++) {
        cothread_handle task;
        waited = i ? &alone : several;
        count = i ? 1 : 3;
        if (i && end != wakes)
            break; /* the object is gone */
        task = spawn(waits, NULL);
        expect(cothread_yield(), 0);
        expect(cothread_yield(), 0);
        end(item.object);
        join(task);
        expect(result, 1);
        expect(waited[i ? 0 : 1].fired, 1);
        expect(waited[i ? 0 : 1].result, COTHREAD_ECLOSED);
        expect(waited[i ? 0 : 1].value, 0);
    }
    expect(several[0].fired + several[2].fired, 0);
    expect(cothread_event_signal(idle.object, NULL), 0); /* nobody waits there any more */
    expect(cothread_close(idle.object), 0);
}

static void *watches_and_wakes(void *unused) {
    cothread_item items[] = {FD(fds[0], COTHREAD_READABLE), EVENT(channel)};
    result = wait_items(items, 2, COTHREAD_FOREVER, 0);
    expect(items[0].result, COTHREAD_ECLOSED);
    return unused;
}

/* Nobody tells that a descriptor was closed by its number alone: the task learns of it when it goes on for something else. */
static void *goes_on(void *unused) {
    cothread_item items[] = {FD(fds[0], COTHREAD_READABLE), EVENT(channel)};
    result = wait_items(items, 2, COTHREAD_FOREVER, 0);
    expect(items[0].result, COTHREAD_EBADF);
    expect(items[1].fired, 1);
    return unused;
}

static void closed_by_its_number(void) {
    int other[2];
    cothread_handle task;
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    channel = handle(cothread_event_create(0));
    task = spawn(goes_on, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);
    close(fds[0]);
    expect(cothread_event_signal(channel, NULL), 1);
    join(task);
    expect(result, 2);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0); /* whoever gets the number is waited for as ever */
    expect(other[0], fds[0]);
    expect(write(other[1], "x", 1), 1);
    expect(cothread_wait_fd(other[0], COTHREAD_READABLE, cothread_after(60 * COTHREAD_SECOND)), COTHREAD_READABLE);
    expect(cothread_close(channel), 0);
    close(fds[1]);
    close(other[0]);
    close(other[1]);
}

int main(void) {
    cothread_handle task, living, group;
    char element[100] = {0};
    int pair[2];
    handle(cothread_create(NULL));
    ends_with(EVENT(handle(cothread_event_create(0))), closes);
    ends_with(EVENT(handle(cothread_event_create(COTHREAD_MANUAL_RESET))), closes);
    ends_with(RECEIVE(handle(cothread_channel_create(100, 0, 0)), element), closes);
    ends_with(SEND(handle(cothread_channel_create(100, 0, 0)), element), closes);
    ends_with(RECEIVE(handle(cothread_channel_create(8, 0, 0)), element), is_done);
    ends_with(SEND(handle(cothread_channel_create(8, 0, 0)), element), is_done);
    ends_with(ACQUIRE(handle(cothread_semaphore_create(0, 0))), closes);
    ends_with(TIMER(handle(cothread_timer_create(0))), closes);
    group = handle(cothread_group_create(0));
    living = spawn(lives, NULL);
    expect(cothread_group_add(group, living), 0);
    ends_with(GROUP(group, 0), closes);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ends_with(FD(fds[0], COTHREAD_READABLE), wakes);

    /* Nobody is ahead of the next that waits for the descriptor. */
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_READABLE);

    /* Of a task that was woken for it and has not run. */
    channel = handle(cothread_event_create(0));
    expect(read(fds[0], element, 1), 1);
    task = spawn(watches_and_wakes, NULL);
    expect(cothread_yield(), 0);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_event_signal(channel, NULL), 1);
    expect(cothread_wake_fd(fds[0]) >= 0, 1);
    join(task);
    expect(result, 2);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_READABLE);

    expect(cothread_wakeup(living), 1);
    expect(cothread_yield(), 0);
    close(fds[0]);
    close(fds[1]);
    closed_by_its_number();
    {
        cothread_handle adopted = cothread_adopt(dup(2), 0);
        if (adopted == COTHREAD_ESYSTEM)
            return nothing_left(); /* the tick half of tests/sanitize adopts none */
        if (adopted > 0)
            expect(cothread_close(adopted), 0);
    }
    ends_with(ADOPTED(adopted_pair(pair), COTHREAD_READABLE), closes);
    close(pair[1]);
    return nothing_left();
}
