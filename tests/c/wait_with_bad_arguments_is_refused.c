/* SPDX-License-Identifier: Apache-2.0
 * All items are checked first: a call that is refused says which item is wrong, took nothing, and left the items as they were. */
#include "items.h"

static cothread_handle ready, channel, mutex;

static void refused(cothread_item wrong, int code) {
    /* Alone, and behind one that has something. */
    cothread_item alone = wrong, two[] = {EVENT(ready), wrong};
    uint32_t flags;
    alone.value = two[0].value = two[1].value = 5;
    expect(wait_items(&alone, 1, COTHREAD_NOW, 0), code);
    expect(strncmp(cothread_last_error(), "item 0: ", 8), 0);
    expect(alone.value, 5);
    for (flags = 0; flags <= COTHREAD_ONE; flags++) {
        expect(wait_items(two, 2, COTHREAD_NOW, flags), code);
        expect(strncmp(cothread_last_error(), "item 1: ", 8), 0);
        expect(two[0].fired + two[1].fired, 0);
        expect(two[0].value + two[1].value, 10);
    }
    expect(cothread_event_wait(ready, NULL, COTHREAD_NOW), 0);
    expect(cothread_event_signal(ready, NULL), 0);
}

static void *task(void *unused) {
    cothread_handle closed = handle(cothread_event_create(0)), done = handle(cothread_channel_create(8, 1, 0));
    cothread_item wrong, items[2] = {EVENT(ready), EVENT(ready)};
    static cothread_item many[65537];
    char room[2][64] = {{0}};
    int fds[2], i;
    long element;
    expect(cothread_wait(NULL, sizeof *items, 1, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(cothread_wait((cothread_item *)(void *)((char *)items + 4), sizeof *items, 1, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(cothread_wait(items, 0, 1, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(cothread_wait(items, sizeof *items - 8, 1, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(cothread_wait(items, sizeof *items + 4, 1, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(cothread_wait(items, 8192, 1, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(wait_items(items, 0, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(wait_items(items, SIZE_MAX, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(wait_items(items, 2, COTHREAD_NOW, COTHREAD_ALL | COTHREAD_ONE), COTHREAD_EINVAL);
    expect(wait_items(items, 2, COTHREAD_NOW, 4), COTHREAD_EINVAL);
    for (i = 0; i < 65537; i++)
        many[i] = EVENT(ready);
    expect(wait_items(many, 65537, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(wait_items(many, 65536, COTHREAD_NOW, 0), 1); /* and the largest list there is */
    expect(cothread_event_signal(ready, NULL), 0);

    /* A struct that has grown: what this library does not know is 0, and stays so. */
    memcpy(room[0], &EVENT(ready), sizeof *items);
    memcpy(room[1], &EVENT(ready), sizeof *items);
    expect(cothread_wait((cothread_item *)(void *)room, sizeof room[0], 2, COTHREAD_NOW, 0), 1);
    expect(cothread_event_signal(ready, NULL), 0);
    room[1][56] = 1;
    expect(cothread_wait((cothread_item *)(void *)room, sizeof room[0], 2, COTHREAD_NOW, 0), COTHREAD_EINVAL);
    expect(strncmp(cothread_last_error(), "item 1: byte 56 ", 16), 0);
    expect(cothread_wait((cothread_item *)(void *)room[1], sizeof room[0], 1, COTHREAD_NOW, 0), COTHREAD_EINVAL);

    memset(&wrong, 0, sizeof wrong);
    refused(wrong, COTHREAD_EINVAL); /* no kind */
    wrong.kind = UINT32_MAX;
    refused(wrong, COTHREAD_EINVAL);
    wrong = EVENT(ready);
    wrong.want = 1;
    refused(wrong, COTHREAD_EINVAL);
    expect(pipe(fds), 0);
    refused(FD(fds[0], 0), COTHREAD_EINVAL);
    refused(FD(fds[0], 1u << 30), COTHREAD_EINVAL);
    refused(FD(-1, COTHREAD_READABLE), COTHREAD_EBADF);
    refused(FD(INT64_C(1) << 32, COTHREAD_READABLE), COTHREAD_EBADF); /* no descriptor 0 */
    refused(FD(500000, COTHREAD_READABLE), COTHREAD_EBADF);
    close(fds[0]);
    close(fds[1]);
    refused(FD(fds[0], COTHREAD_READABLE), COTHREAD_EBADF);
    refused(EVENT(channel), COTHREAD_EHANDLE);
    expect(cothread_close(closed), 0);
    refused(EVENT(closed), COTHREAD_EHANDLE);
    refused(TIMER(0), COTHREAD_EHANDLE);
    refused(RECEIVE(channel, NULL), COTHREAD_EINVAL);
    refused(SEND(channel, NULL), COTHREAD_EINVAL);
    expect(cothread_channel_done(done), 0);
    refused(RECEIVE(done, &element), COTHREAD_ECLOSED);
    refused(SEND(done, &element), COTHREAD_ECLOSED);
    refused(TASK(handle(cothread_self())), COTHREAD_EDEADLK);
    refused(TASK((cothread_handle)(intptr_t)unused), COTHREAD_EINVAL); /* main does not end */
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    refused(LOCK(mutex), COTHREAD_EDEADLK);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_close(done), 0);
    return NULL;
}

int main(void) {
    handle(cothread_create(NULL));
    ready = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(8, 0, 0));
    mutex = handle(cothread_mutex_create(0));
    expect(cothread_event_signal(ready, NULL), 0);
    join(spawn(task, (void *)(intptr_t)handle(cothread_self())));
    return nothing_left();
}
