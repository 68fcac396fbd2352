/* Every call that takes a handle, and every other call that needs a scheduler, as tables.
 * SPDX-License-Identifier: Apache-2.0
 * Each row is made with harmless arguments, so that only the handle or the thread can be what is wrong. */
#ifndef EVERY_CALL_H
#define EVERY_CALL_H

#include "test.h"

static void *every_call_task(void *argument) {
    return argument;
}

static void every_call_callback(void *argument) {
    (void)argument;
}

static int64_t every_call_word[2];

#define BY_HANDLE(name, call) \
    static int64_t by_handle_##name(cothread_handle h) { \
        (void)h; \
        return (int64_t)(call); \
    }
#define NO_HANDLE(name, call) \
    static int64_t no_handle_##name(void) { \
        return (int64_t)(call); \
    }

#define BY_HANDLE_CALLS(X) \
    X(join, cothread_join(h, NULL, COTHREAD_NOW)) \
    X(detach, cothread_detach(h)) \
    X(cancel, cothread_cancel(h)) \
    X(wakeup, cothread_wakeup(h)) \
    X(close, cothread_close(h)) \
    X(event_signal, cothread_event_signal(h, NULL)) \
    X(event_wait, cothread_event_wait(h, NULL, COTHREAD_NOW)) \
    X(event_reset, cothread_event_reset(h)) \
    X(channel_send, cothread_channel_send(h, every_call_word, COTHREAD_NOW)) \
    X(channel_receive, cothread_channel_receive(h, every_call_word, COTHREAD_NOW)) \
    X(channel_done, cothread_channel_done(h)) \
    X(mutex_lock, cothread_mutex_lock(h, COTHREAD_NOW)) \
    X(mutex_unlock, cothread_mutex_unlock(h)) \
    X(semaphore_acquire, cothread_semaphore_acquire(h, COTHREAD_NOW)) \
    X(semaphore_release, cothread_semaphore_release(h, 1)) \
    X(group_add, cothread_group_add(h, h)) \
    X(group_wait, cothread_group_wait(h, 0, COTHREAD_NOW)) \
    X(group_cancel, cothread_group_cancel(h)) \
    X(release, cothread_release(h)) \
    X(descriptor, cothread_descriptor(h)) \
    X(wait_ready, cothread_wait_ready(h, COTHREAD_READABLE, COTHREAD_NOW)) \
    X(read, cothread_read(h, every_call_word, 1, COTHREAD_NOW)) \
    X(write, cothread_write(h, every_call_word, 1, COTHREAD_NOW)) \
    X(accept, cothread_accept(h, COTHREAD_NOW))

/* From any thread, so the answer to a wrong thread differs. */
#define ANY_THREAD_CALLS(X) \
    X(interrupt, cothread_interrupt(h)) \
    X(post, cothread_post(h, every_call_callback, NULL, COTHREAD_NOW)) \
    X(mailbox_post, cothread_mailbox_post(h, NULL, NULL)) \
    X(statistics, cothread_statistics(h, &(cothread_stats){.size = sizeof(cothread_stats)}))

#define NO_HANDLE_CALLS(X) \
    X(current, cothread_current()) \
    X(run, cothread_run(COTHREAD_NOW)) \
    X(spawn, cothread_spawn(every_call_task, NULL, NULL)) \
    X(self, cothread_self()) \
    X(yield, cothread_yield()) \
    X(sleep_until, cothread_sleep_until(COTHREAD_NOW)) \
    X(sleep, cothread_sleep(0)) \
    X(shield, cothread_shield(0)) \
    X(wait_until, cothread_wait_until(COTHREAD_NOW)) \
    X(event_create, cothread_event_create(0)) \
    X(channel_create, cothread_channel_create(8, 1, 0)) \
    X(mutex_create, cothread_mutex_create(0)) \
    X(semaphore_create, cothread_semaphore_create(1, 0)) \
    X(group_create, cothread_group_create(0)) \
    X(wait_fd, cothread_wait_fd(0, COTHREAD_READABLE, COTHREAD_NOW)) \
    X(wake_fd, cothread_wake_fd(0)) \
    X(adopt, cothread_adopt(0, 0)) \
    X(mailbox_create, cothread_mailbox_create(every_call_callback, 0, 0)) \
    X(poll_scheduler, cothread_poll_scheduler(COTHREAD_NOW)) \
    X(poll_fd, cothread_poll_fd()) \
    X(next_deadline, cothread_next_deadline(every_call_word)) \
    X(poll_list, cothread_poll_list((cothread_pollfd *)every_call_word, 1)) \
    X(poll_deliver, cothread_poll_deliver((cothread_pollfd *)every_call_word, 0)) \
    X(host_create, cothread_host_create(1, NULL, 0)) \
    X(submit, cothread_submit())

BY_HANDLE_CALLS(BY_HANDLE)
ANY_THREAD_CALLS(BY_HANDLE)
NO_HANDLE_CALLS(NO_HANDLE)

typedef struct {
    const char *name;
    int64_t (*call)(cothread_handle);
} by_handle_call;
typedef struct {
    const char *name;
    int64_t (*call)(void);
} no_handle_call;

#define BY_HANDLE_ROW(name, call) {"cothread_" #name, by_handle_##name},
#define NO_HANDLE_ROW(name, call) {"cothread_" #name, no_handle_##name},
static const by_handle_call by_handle_calls[] = {BY_HANDLE_CALLS(BY_HANDLE_ROW)};
static const by_handle_call any_thread_calls[] = {ANY_THREAD_CALLS(BY_HANDLE_ROW)};
static const no_handle_call no_handle_calls[] = {NO_HANDLE_CALLS(NO_HANDLE_ROW)};
#define ROWS(table) (sizeof(table) / sizeof *(table))

/* A table's rows all answer `wanted` to this handle; `except` excuses the calls it is right for. */
static inline void every_answer_is(const by_handle_call *calls, size_t count, cothread_handle h, int64_t wanted,
                                   const char *except) {
    size_t i;
    for (i = 0; i < count; i++)
        if (!strstr(except, calls[i].name))
            expect_at(__FILE__, __LINE__, calls[i].name, calls[i].call(h), wanted);
}

#endif
