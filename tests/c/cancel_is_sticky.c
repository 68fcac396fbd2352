/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event, channel, mutex, semaphore, group, other;

static void *forever(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *task(void *unused) {
    int fds[2];
    char byte;
    cothread_item items[] = {{.kind = COTHREAD_ITEM_EVENT, .object = event}, {.kind = COTHREAD_ITEM_ACQUIRE, .object = semaphore}};
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_yield(), COTHREAD_ECANCELED);
    expect(cothread_join(other, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_channel_send(channel, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_channel_receive(channel, NULL, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_wait(items, sizeof *items, 1, COTHREAD_FOREVER, 0), COTHREAD_ECANCELED);
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), COTHREAD_ECANCELED);
    expect(pipe(fds), 0);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_read(handle(cothread_adopt(fds[0], 0)), &byte, 1, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    close(fds[1]);
    expect(cothread_offload(0, &(cothread_job){.size = sizeof(cothread_job), .function = (cothread_job_function)abort}, COTHREAD_FOREVER),
           COTHREAD_ECANCELED);
    expect(cothread_file_sync(0, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

int main(void) {
    cothread_handle cancelled, member;
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(0, 0, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    group = handle(cothread_group_create(0));
    member = spawn(forever, NULL);
    expect(cothread_group_add(group, member), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    other = spawn(forever, NULL);
    cancelled = spawn(task, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(cancelled), 0);
    expect(cothread_cancel(cancelled), 0);
    join(cancelled);

    /* It took nothing. */
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_cancel(other), 0);
    join(other);
    expect(cothread_group_cancel(group), 1);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 1);
    return nothing_left();
}
