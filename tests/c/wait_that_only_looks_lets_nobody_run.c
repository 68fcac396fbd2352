/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle event, channel, mutex, semaphore, other, group;

static void *forever(void *unused) {
    note("ran");
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *holds(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0);
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    return unused;
}

int main(void) {
    cothread_handle holder, member;
    cothread_handle started;
    cothread_job job = {.size = sizeof job, .function = (cothread_job_function)getpid, .type = COTHREAD_TYPE_INT};
    cothread_file_status status;
    int fds[2], element = 0;
    cothread_item items[2];
    handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(sizeof(int), 0, 0));
    mutex = handle(cothread_mutex_create(0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    group = handle(cothread_group_create(0));
    holder = spawn(holds, NULL);
    expect(cothread_yield(), 0);
    other = spawn(forever, NULL);
    member = spawn(forever, NULL);
    expect(cothread_group_add(group, member), 0);
    expect(pipe(fds), 0);

    expect(cothread_wait_until(COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_join(other, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_channel_receive(channel, &element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_group_wait(group, 0, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_offload(0, &job, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_file_stat("/", &status, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    started = handle(cothread_job_start(0, &job, COTHREAD_NOW));
    items[0] = (cothread_item){.kind = COTHREAD_ITEM_EVENT, .object = event};
    items[1] = (cothread_item){.kind = COTHREAD_ITEM_FD, .object = fds[0], .want = COTHREAD_READABLE};
    expect(cothread_wait(items, sizeof *items, 1, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
    expect_order("");

    expect(cothread_yield(), 0);
    expect_order("ran ran");
    expect(cothread_wakeup(holder), 1);
    join(holder);
    expect(cothread_cancel(other), 0);
    join(other);
    expect(cothread_group_cancel(group), 1);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 1);
    while (cothread_job_result(started, &job) == COTHREAD_EBUSY)
        expect(cothread_yield(), 0);
    expect(job.result.integer, getpid());
    expect(cothread_close(started), 0);
    return nothing_left();
}
