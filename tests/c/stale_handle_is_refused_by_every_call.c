/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"

static void refused_once_closed(cothread_handle h) {
    expect(cothread_close(h), 0);
    every_answer_is(by_handle_calls, ROWS(by_handle_calls), h, COTHREAD_EHANDLE, "");
    every_answer_is(any_thread_calls, ROWS(any_thread_calls), h, COTHREAD_EHANDLE, "");
}

int main(void) {
    cothread_handle task;
    int fds[2];
    handle(cothread_create(NULL));
    refused_once_closed(handle(cothread_event_create(0)));
    refused_once_closed(handle(cothread_channel_create(8, 1, 0)));
    refused_once_closed(handle(cothread_mutex_create(0)));
    refused_once_closed(handle(cothread_semaphore_create(1, 0)));
    refused_once_closed(handle(cothread_group_create(0)));
    refused_once_closed(handle(cothread_mailbox_create(every_call_callback, 0, 0)));
    expect(pipe(fds), 0);
    refused_once_closed(handle(cothread_adopt(fds[0], 0)));
    close(fds[1]);
    task = spawn(every_call_task, NULL);
    join(task);
    every_answer_is(by_handle_calls, ROWS(by_handle_calls), task, COTHREAD_EHANDLE, "");
    every_answer_is(any_thread_calls, ROWS(any_thread_calls), task, COTHREAD_EHANDLE, "");
    return nothing_left();
}
