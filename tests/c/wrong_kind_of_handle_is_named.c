/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void says(const char *words) {
    if (!strstr(cothread_last_error(), words))
        fail_at(__FILE__, __LINE__, "last error is \"%s\", expected \"%s\" in it", cothread_last_error(), words);
}

static void *nothing(void *argument) {
    return argument;
}

static void *waits(void *event) {
    expect(cothread_event_wait(*(cothread_handle *)event, NULL, COTHREAD_FOREVER), 0);
    return NULL;
}

static void *joins(void *task) {
    join(*(cothread_handle *)task);
    return NULL;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), event = handle(cothread_event_create(0)),
                    channel = handle(cothread_channel_create(8, 1, 0)), group = handle(cothread_group_create(0)),
                    task = spawn(nothing, NULL), joined = spawn(waits, &event), joiner = spawn(joins, &joined),
                    detached = spawn(nothing, NULL);

    expect(cothread_event_signal(channel, NULL), COTHREAD_EHANDLE);
    says("is a channel, where an event is wanted");
    expect(cothread_join(event, NULL, COTHREAD_NOW), COTHREAD_EHANDLE);
    says("is an event, where a task is wanted");
    expect(cothread_mutex_lock(scheduler, COTHREAD_NOW), COTHREAD_EHANDLE);
    says("is a scheduler, where a mutex is wanted");
    expect(cothread_semaphore_release(group, 1), COTHREAD_EHANDLE);
    says("is a task group, where a semaphore is wanted");

    expect(cothread_group_add(group, cothread_self()), COTHREAD_EHANDLE);
    says("is main");
    expect(cothread_group_add(group, task), 0);
    expect(cothread_group_add(group, task), COTHREAD_EHANDLE);
    says("is in a group already");
    expect(cothread_detach(detached), 0);
    expect(cothread_group_add(group, detached), COTHREAD_EHANDLE);
    says("is detached");
    cothread_yield();
    expect(cothread_group_add(group, joined), COTHREAD_EHANDLE);
    says("is waited for by cothread_join");
    expect(cothread_event_signal(event, NULL), 1); /* waiter woken */
    join(joiner);
    return nothing_left();
}
