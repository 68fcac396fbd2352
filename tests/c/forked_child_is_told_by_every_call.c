/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"
#include <sys/syscall.h>
#include <sys/wait.h>

static cothread_handle scheduler, event;

/* What must not even enter Go is quick: the fastest of some calls, so that no other process can delay it. */
#define expect_told(name, call)                                                                         \
    do {                                                                                                \
        int64_t best = INT64_MAX;                                                                       \
        int repetition;                                                                                 \
        for (repetition = 0; repetition < 5; repetition++) {                                            \
            int64_t begin = cothread_now(), answer = (call), took = cothread_now() - begin;             \
            expect_at(__FILE__, __LINE__, name, answer, COTHREAD_EFORKED);                              \
            best = took < best ? took : best;                                                           \
        }                                                                                               \
        if (best >= COTHREAD_MILLISECOND)                                                               \
            fail_at(__FILE__, __LINE__, "%s: the fastest of 5 took %lld ns", name, (long long)best);    \
    } while (0)

static void every_call_is_told(const by_handle_call *calls, size_t count, cothread_handle h) {
    size_t i;
    for (i = 0; i < count; i++)
        expect_told(calls[i].name, calls[i].call(h));
}

/* In the child: SIGALRM ends one that hangs. */
static void child(void) {
    size_t i;
    alarm(10);
    for (i = 0; i < ROWS(no_handle_calls); i++)
        expect_told(no_handle_calls[i].name, no_handle_calls[i].call());
    every_call_is_told(by_handle_calls, ROWS(by_handle_calls), event);
    every_call_is_told(by_handle_calls, ROWS(by_handle_calls), 12345);
    every_call_is_told(any_thread_calls, ROWS(any_thread_calls), scheduler);
    expect_told("cothread_create", cothread_create(NULL));
    expect_told("cothread_destroy", cothread_destroy(scheduler, COTHREAD_FOREVER));
    expect(cothread_host_ring() == NULL, 1);
    expect(cothread_abi(), COTHREAD_ABI);
    expect(cothread_now() > 0, 1);
    expect(strncmp(cothread_strerror(COTHREAD_EFORKED), "COTHREAD_EFORKED", 16), 0);
    expect(cothread_last_error()[0] != 0, 1);
    _exit(0);
}

/* fork's handlers do not run for these two. */
static pid_t fork_without_handlers(void) {
    return _Fork();
}

static pid_t clone_as_fork(void) {
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static pid_t (*const ways[])(void) = {fork, fork_without_handlers, clone_as_fork};

static void children_are_told(void) {
    size_t i;
    for (i = 0; i < ROWS(ways); i++) {
        int status = 0;
        pid_t pid = ways[i]();
        expect(pid >= 0, 1);
        if (pid == 0)
            child();
        expect(waitpid(pid, &status, 0), pid);
        expect(status, 0);
    }
}

static void *forks(void *unused) {
    children_are_told();
    return unused;
}

int main(void) {
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    children_are_told();
    join(spawn(forks, NULL));
    return nothing_left(); /* the parent was not disturbed */
}
