/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"

static void *waits(void *unused) {
    cothread_wait_until(COTHREAD_FOREVER);
    return unused;
}

static void refused(cothread_handle h, const char *except) {
    every_answer_is(by_handle_calls, ROWS(by_handle_calls), h, COTHREAD_EHANDLE, except);
    every_answer_is(any_thread_calls, ROWS(any_thread_calls), h, COTHREAD_EHANDLE, except);
}

int main(void) {
    cothread_handle task, event, adopted, connection, scheduler = handle(cothread_create(NULL));
    int fds[2];
    task = spawn(waits, NULL);
    event = handle(cothread_event_create(0));
    expect(pipe(fds), 0);
    adopted = handle(cothread_adopt(fds[0], 0));
    connection = handle(cothread_connection_adopt(fds[1], NULL, 0, NULL));
    refused(scheduler, "cothread_interrupt cothread_post cothread_statistics");
    refused(task, "cothread_join cothread_detach cothread_cancel cothread_wakeup cothread_task_name");
    refused(event, "cothread_close cothread_event_signal cothread_event_wait cothread_event_reset");
    refused(handle(cothread_channel_create(8, 1, 0)),
            "cothread_close cothread_channel_send cothread_channel_receive cothread_channel_done");
    refused(handle(cothread_mutex_create(0)), "cothread_close cothread_mutex_lock cothread_mutex_unlock");
    refused(handle(cothread_semaphore_create(1, 0)),
            "cothread_close cothread_semaphore_acquire cothread_semaphore_release");
    refused(handle(cothread_group_create(0)), "cothread_close cothread_group_wait cothread_group_cancel");
    refused(adopted, "cothread_close cothread_release cothread_descriptor cothread_wait_ready cothread_read "
                    "cothread_write cothread_accept");
    refused(handle(cothread_pool_create(NULL)),
            "cothread_close cothread_pool_statistics cothread_offload cothread_job_start");
    refused(handle(cothread_job_start(0, &every_call_job, COTHREAD_NOW)), "cothread_close cothread_job_result");
    refused(handle(cothread_mailbox_create(every_call_callback, 0, 0)), "cothread_close cothread_mailbox_post");
    refused(handle(cothread_process_open(getppid())), "cothread_close cothread_process_pid cothread_process_signal");
    refused(connection, "cothread_close cothread_connection_accept cothread_connection_release cothread_connection_read "
                        "cothread_connection_read_exactly cothread_connection_read_until cothread_connection_write "
                        "cothread_connection_writev cothread_connection_sendfile cothread_connection_finish "
                        "cothread_connection_close cothread_connection_send cothread_connection_receive "
                        "cothread_connection_unacknowledged cothread_connection_state cothread_connection_limit "
                        "cothread_connection_observe cothread_connection_descriptor cothread_connection_address");
    expect(cothread_close(connection), 0);
    expect(cothread_destroy(task, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_destroy(event, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_group_add(handle(cothread_group_create(0)), event), COTHREAD_EHANDLE);
    expect(cothread_close(adopted), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    return nothing_left();
}
