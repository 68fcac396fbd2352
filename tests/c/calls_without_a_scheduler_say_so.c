/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"

/* On a thread that never had one, on one whose scheduler is gone, and with handles that live elsewhere. */
static void all_refused(cothread_handle event) {
    size_t i;
    for (i = 0; i < ROWS(no_handle_calls); i++)
        expect_at(__FILE__, __LINE__, no_handle_calls[i].name, no_handle_calls[i].call(), COTHREAD_ENOSCHEDULER);
    every_answer_is(by_handle_calls, ROWS(by_handle_calls), event, COTHREAD_ENOSCHEDULER, "");
    expect(cothread_host_ring() == NULL, 1);
    expect(cothread_last_error()[0] != 0, 1);
}

static cothread_handle scheduler, event;

static void *other_thread(void *unused) {
    all_refused(event);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_ETHREAD);
    return unused;
}

int main(void) {
    pthread_t thread;
    all_refused(12345);
    expect(cothread_destroy(12345, COTHREAD_NOW), COTHREAD_ENOSCHEDULER);
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    expect(pthread_create(&thread, NULL, other_thread, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    all_refused(event);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_ENOSCHEDULER);
    every_answer_is(any_thread_calls, ROWS(any_thread_calls), scheduler, COTHREAD_EDEAD, "cothread_mailbox_post");
    return 0;
}
