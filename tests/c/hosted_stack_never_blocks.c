/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void *task(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    cothread_handle event, channel, semaphore, group, native, stream, member;
    int fds[2];
    char byte;
    hosted(0);
    native = spawn(task, NULL);
    member = spawn(task, NULL);
    event = handle(cothread_event_create(0));
    channel = handle(cothread_channel_create(1, 0));
    semaphore = handle(cothread_semaphore_create(0));
    group = handle(cothread_group_create());
    expect(cothread_group_add(group, member), 0);
    expect(pipe(fds), 0);
    stream = handle(cothread_adopt(fds[0]));

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
    expect(cothread_wait_ready(stream, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_EHOSTED);
    expect(cothread_read(stream, &byte, 1, COTHREAD_FOREVER), COTHREAD_EHOSTED);

    /* what need not wait is served */
    expect(cothread_event_wait(event, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_semaphore_release(semaphore, 1), 0);
    expect(cothread_semaphore_acquire(semaphore, COTHREAD_FOREVER), 0);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_read(stream, &byte, 1, COTHREAD_FOREVER), 1);

    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_wakeup(native), 1);
    expect(cothread_wakeup(member), 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_join(native, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), 1);
    expect(cothread_close(stream), 0);
    close(fds[1]);
    return nothing_left();
}
