/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void *task(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    return unused;
}

static cothread_handle mutex;

static void *holder(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    expect(cothread_mutex_unlock(mutex), 0);
    return unused;
}

int main(void) {
    static char block[1 << 22]; /* more than a socket takes */
    struct sockaddr any_name = {.sa_family = AF_UNIX};
    cothread_handle event, channel, semaphore, group, native, holds, adopted, full, listener, member;
    int fds[2], pair[2], fd;
    int64_t n;
    char byte;
    cothread_item items[5];
    hosted(0);
    native = spawn(task, NULL);
    member = spawn(task, NULL);
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(1, 0, 0));
    semaphore = handle(cothread_semaphore_create(0, 0));
    group = handle(cothread_group_create(0));
    expect(cothread_group_add(group, member), 0);
    expect(pipe(fds), 0);
    adopted = handle(cothread_adopt(fds[0], 0));
    full = adopted_pair(pair);
    expect((fd = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0, 1);
    expect(bind(fd, &any_name, sizeof any_name.sa_family), 0);
    expect(listen(fd, 1), 0);
    listener = handle(cothread_adopt(fd, 0));
    mutex = handle(cothread_mutex_create(0));
    holds = spawn(holder, NULL);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), COTHREAD_EHOSTED); /* a free one: this stack can hold none */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);

    expect(cothread_self(), COTHREAD_EHOSTED);
    expect(cothread_run(COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_yield(), COTHREAD_EHOSTED);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_join(native, NULL, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_channel_send(channel, &byte, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_channel_receive(channel, &byte, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), COTHREAD_EHOSTED); /* held now */
    items[0] = (cothread_item){.kind = COTHREAD_ITEM_EVENT, .object = event};
    items[1] = (cothread_item){.kind = COTHREAD_ITEM_SEND, .object = channel, .element = &byte};
    items[2] = (cothread_item){.kind = COTHREAD_ITEM_FD, .object = fds[0], .want = COTHREAD_READABLE};
    items[3] = (cothread_item){.kind = COTHREAD_ITEM_READY, .object = adopted, .want = COTHREAD_READABLE};
    items[4] = (cothread_item){.kind = COTHREAD_ITEM_LOCK, .object = mutex};
    expect(cothread_wait(items, sizeof *items, 5, COTHREAD_FOREVER, 0), COTHREAD_EHOSTED);
    expect(strncmp(cothread_last_error(), "item 4: ", 8), 0);
    expect(cothread_wait(items, sizeof *items, 4, COTHREAD_FOREVER, 0), COTHREAD_EHOSTED);
    expect(cothread_wait(items, sizeof *items, 1, COTHREAD_FOREVER, 0), COTHREAD_EHOSTED);
    expect(cothread_wait(items, sizeof *items, 4, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
    expect(cothread_accept(listener, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_offload(0, &(cothread_job){.size = sizeof(cothread_job), .function = (cothread_job_function)abort}, COTHREAD_FOREVER),
           COTHREAD_EHOSTED);
    expect(cothread_file_stat("/", &(cothread_file_status){0}, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    n = cothread_write(full, block, sizeof block, COTHREAD_FOREVER);
    expect(n > 0 && n < (int64_t)sizeof block, 1); /* what there is room for, and the next call says why no more */
    while ((n = cothread_write(full, block, sizeof block, COTHREAD_FOREVER)) > 0)
        ;
    expect(n, COTHREAD_EHOSTED);

    /* what need not wait is served */
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), 0);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_wait(items, sizeof *items, 4, COTHREAD_FOREVER, 0), 3);
    expect(items[1].fired, 0);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), 1);

    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_wakeup(native), 1);
    expect(cothread_wakeup(member), 1);
    expect(cothread_wakeup(holds), 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_join(native, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_join(holds, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 1);
    expect(cothread_close(adopted), 0);
    expect(cothread_close(full), 0);
    expect(cothread_close(listener), 0);
    close(fds[1]);
    close(pair[1]);
    return nothing_left();
}
