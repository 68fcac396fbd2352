/* Every public function: those that take a handle, and the others that need a scheduler, as tables; OTHER_CALLS has the rest.
 * SPDX-License-Identifier: Apache-2.0
 * Each row is made with harmless arguments, so that only the handle or the thread can be what is wrong. tests/run compares
 * the names with those of the header: each is in exactly one list. */
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
static cothread_span every_call_span = {every_call_word, 1};
static cothread_message every_call_message = {.size = sizeof every_call_message, .data = every_call_word, .length = 1};
static cothread_address every_call_address;
static cothread_item every_call_item = {.kind = COTHREAD_ITEM_FD, .want = COTHREAD_READABLE};

static const char *const every_call_arguments[] = {"true", NULL};
static const cothread_process_options every_call_program = {.size = sizeof every_call_program, .arguments = every_call_arguments};

static int every_call_job_function(void) {
    return 0;
}
static cothread_job every_call_job = {.size = sizeof every_call_job, .function = (cothread_job_function)every_call_job_function};
static cothread_address every_call_address;
#define POOL(h) ((h) ? (h) : -1) /* 0 is the default pool */

#define BY_HANDLE(name, arguments) \
    static int64_t by_handle_##name(cothread_handle h) { \
        return (int64_t)cothread_##name arguments; \
    }
#define NO_HANDLE(name, arguments) \
    static int64_t no_handle_##name(void) { \
        return (int64_t)cothread_##name arguments; \
    }

#define BY_HANDLE_CALLS(X) \
    X(join, (h, NULL, COTHREAD_NOW)) \
    X(detach, (h)) \
    X(cancel, (h)) \
    X(wakeup, (h)) \
    X(task_name, (h, (char *)every_call_word, sizeof every_call_word)) \
    X(close, (h)) \
    X(event_signal, (h, NULL)) \
    X(event_wait, (h, NULL, COTHREAD_NOW)) \
    X(event_reset, (h)) \
    X(channel_send, (h, every_call_word, COTHREAD_NOW)) \
    X(channel_receive, (h, every_call_word, COTHREAD_NOW)) \
    X(channel_done, (h)) \
    X(mutex_lock, (h, COTHREAD_NOW)) \
    X(mutex_unlock, (h)) \
    X(semaphore_acquire, (h, COTHREAD_NOW)) \
    X(semaphore_release, (h, 1)) \
    X(group_add, (h, h)) \
    X(group_wait, (h, 0, COTHREAD_NOW)) \
    X(group_cancel, (h)) \
    X(timer_set, (h, COTHREAD_FOREVER, 0)) \
    X(release, (h)) \
    X(descriptor, (h)) \
    X(wait_ready, (h, COTHREAD_READABLE, COTHREAD_NOW)) \
    X(read, (h, every_call_word, 1, COTHREAD_NOW)) \
    X(write, (h, every_call_word, 1, COTHREAD_NOW)) \
    X(accept, (h, COTHREAD_NOW)) \
    X(process_pid, (h)) \
    X(process_signal, (h, 0, 0)) \
    X(pool_statistics, (POOL(h), &(cothread_pool_stats){.size = sizeof(cothread_pool_stats)})) \
    X(offload, (POOL(h), &every_call_job, COTHREAD_NOW)) \
    X(job_start, (POOL(h), &every_call_job, COTHREAD_NOW)) \
    X(job_result, (h, &every_call_job)) \
    X(connection_accept, (h, COTHREAD_NOW)) \
    X(connection_release, (h, NULL, 0, (size_t *)every_call_word)) \
    X(connection_read, (h, every_call_word, 1, COTHREAD_NOW)) \
    X(connection_read_exactly, (h, every_call_word, 1, NULL, COTHREAD_NOW)) \
    X(connection_read_until, (h, "", 1, every_call_word, 1, COTHREAD_NOW)) \
    X(connection_write, (h, every_call_word, 1, NULL, COTHREAD_NOW)) \
    X(connection_writev, (h, &every_call_span, 1, NULL, COTHREAD_NOW)) \
    X(connection_sendfile, (h, 0, 0, 1, NULL, COTHREAD_NOW)) \
    X(connection_finish, (h, COTHREAD_NOW)) \
    X(connection_close, (h, COTHREAD_NOW)) \
    X(connection_send, (h, &every_call_message, NULL, COTHREAD_NOW)) \
    X(connection_receive, (h, &every_call_message, COTHREAD_NOW)) \
    X(connection_unacknowledged, (h)) \
    X(connection_state, (h)) \
    X(connection_limit, (h, COTHREAD_STATE_OPEN, 0)) \
    X(connection_observe, (h, NULL, NULL)) \
    X(connection_descriptor, (h)) \
    X(connection_address, (h, COTHREAD_LOCAL, &every_call_address))

/* From any thread, so the answer to a wrong thread differs. */
#define ANY_THREAD_CALLS(X) \
    X(interrupt, (h)) \
    X(post, (h, every_call_callback, NULL, COTHREAD_NOW)) \
    X(mailbox_post, (h, NULL, NULL)) \
    X(statistics, (h, &(cothread_stats){.size = sizeof(cothread_stats)}))

#define NO_HANDLE_CALLS(X) \
    X(current, ()) \
    X(run, (COTHREAD_NOW)) \
    X(spawn, (every_call_task, NULL, NULL)) \
    X(self, ()) \
    X(yield, ()) \
    X(sleep_until, (COTHREAD_NOW)) \
    X(sleep, (0)) \
    X(shield, (0)) \
    X(wait_until, (COTHREAD_NOW)) \
    X(event_create, (0)) \
    X(channel_create, (8, 1, 0)) \
    X(mutex_create, (0)) \
    X(semaphore_create, (1, 0)) \
    X(group_create, (0)) \
    X(timer_create, (0)) \
    X(wait, (&every_call_item, sizeof every_call_item, 1, COTHREAD_NOW, 0)) \
    X(wait_fd, (0, COTHREAD_READABLE, COTHREAD_NOW)) \
    X(wake_fd, (0)) \
    X(adopt, (0, 0)) \
    X(signal_open, (SIGUSR1, 0)) \
    X(watch_open, ("/", COTHREAD_CHANGE_CREATED, 0)) \
    X(connect, ("127.0.0.1", "1", NULL, COTHREAD_NOW)) \
    X(connect_addresses, (&every_call_address, 1, NULL, COTHREAD_NOW)) \
    X(connect_unix, ("@no such socket", NULL, COTHREAD_NOW)) \
    X(listen, ("127.0.0.1", "0", NULL)) \
    X(listen_unix, ("@every call of cothread", NULL)) \
    X(connection_adopt, (0, NULL, 0, NULL)) \
    X(mailbox_create, (every_call_callback, 0, 0)) \
    X(process_start, (&every_call_program)) \
    X(process_open, (getppid())) \
    X(thread_open, (gettid())) \
    X(pool_create, (NULL)) \
    X(resolve, ("127.0.0.1", NULL, NULL, &every_call_address, 1, COTHREAD_NOW)) \
    X(file_open, ("/", 0, 0, COTHREAD_NOW)) \
    X(file_read, (0, every_call_word, 1, 0, COTHREAD_NOW)) \
    X(file_write, (0, every_call_word, 1, 0, COTHREAD_NOW)) \
    X(file_sync, (0, COTHREAD_NOW)) \
    X(file_stat, ("/", (cothread_file_status *)every_call_word, COTHREAD_NOW)) \
    X(poll_scheduler, (COTHREAD_NOW)) \
    X(poll, ()) \
    X(poll_fd, ()) \
    X(next_deadline, (every_call_word)) \
    X(poll_list, ((cothread_pollfd *)every_call_word, 1)) \
    X(poll_deliver, ((cothread_pollfd *)every_call_word, 0)) \
    X(host_create, (1, NULL, 0)) \
    X(submit, ())

/* No rows: what needs no scheduler; create and destroy, which each test that uses the tables tries itself; and host_ring,
 * which answers with a pointer. */
#define OTHER_CALLS(X) \
    X(version) \
    X(abi) \
    X(strerror) \
    X(last_error) \
    X(now) \
    X(after) \
    X(address_text) \
    X(create) \
    X(destroy) \
    X(host_ring) \
    X(register_exceptions)

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

#define BY_HANDLE_ROW(name, arguments) {"cothread_" #name, by_handle_##name},
#define NO_HANDLE_ROW(name, arguments) {"cothread_" #name, no_handle_##name},
static const by_handle_call by_handle_calls[] = {BY_HANDLE_CALLS(BY_HANDLE_ROW)};
static const by_handle_call any_thread_calls[] = {ANY_THREAD_CALLS(BY_HANDLE_ROW)};
static const no_handle_call no_handle_calls[] = {NO_HANDLE_CALLS(NO_HANDLE_ROW)};
#define ROWS(table) (sizeof(table) / sizeof *(table))

/* Whether a list of full names, separated by spaces, has this one. */
static inline int listed(const char *list, const char *name) {
    size_t length = strlen(name);
    const char *at = list;
    while ((at = strstr(at, name)) != NULL) {
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return 1;
        at += length;
    }
    return 0;
}

/* Whether `name`, up to a space or its end, is a row of a table. */
static inline int is_row(const by_handle_call *calls, size_t count, const char *name) {
    size_t i, length = strcspn(name, " ");
    for (i = 0; i < count; i++)
        if (strlen(calls[i].name) == length && memcmp(calls[i].name, name, length) == 0)
            return 1;
    return 0;
}

/* A table's rows all answer `wanted` to this handle; `except` excuses the calls it is right for, each by its full name. */
static inline void every_answer_is(const by_handle_call *calls, size_t count, cothread_handle h, int64_t wanted,
                                   const char *except) {
    const char *name;
    size_t i;
    for (name = except; *name; name += strcspn(name, " "), name += strspn(name, " "))
        if (!is_row(by_handle_calls, ROWS(by_handle_calls), name) && !is_row(any_thread_calls, ROWS(any_thread_calls), name))
            fail_at(__FILE__, __LINE__, "\"%s\" excuses a call that no table has", name);
    for (i = 0; i < count; i++)
        if (!listed(except, calls[i].name))
            expect_at(__FILE__, __LINE__, calls[i].name, calls[i].call(h), wanted);
}

#endif
