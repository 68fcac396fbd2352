/* SPDX-License-Identifier: Apache-2.0
 * The handle that a slot's next owner will get is easy to guess: one more than the last owner's. */
#include "test.h"

static void *nothing(void *argument) {
    return argument;
}

static void ignored(void *argument) {
    (void)argument;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), task, event, mailbox, group = handle(cothread_group_create(0));

    event = handle(cothread_event_create(0));
    expect(cothread_close(event), 0);
    expect(cothread_close(event + 1), COTHREAD_EHANDLE);
    expect(cothread_event_signal(event + 1, NULL), COTHREAD_EHANDLE);
    expect(handle(cothread_event_create(0)) == handle(cothread_event_create(0)), 0);

    task = spawn(nothing, NULL);
    join(task);
    expect(cothread_join(task + 1, NULL, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_cancel(task + 1), COTHREAD_EHANDLE);
    expect(cothread_group_add(group, task + 1), COTHREAD_EHANDLE);

    mailbox = handle(cothread_mailbox_create(ignored, 0, 0));
    expect(cothread_close(mailbox), 0);
    expect(cothread_mailbox_post(mailbox + 1, NULL, NULL), COTHREAD_EHANDLE);
    expect(cothread_close(mailbox + 1), COTHREAD_EHANDLE);
    expect(handle(cothread_mailbox_create(ignored, 0, 0)) == handle(cothread_mailbox_create(ignored, 0, 0)), 0);
    expect(cothread_interrupt(scheduler + 1) < 0, 1);
    return nothing_left();
}
