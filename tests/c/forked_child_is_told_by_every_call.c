/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"
#include <sys/syscall.h>
#include <sys/wait.h>

static cothread_handle scheduler, event;

static int64_t system_call_ns; /* the fastest of some */

/* What must not even enter Go is quick: the fastest of some calls costs less than a thousand system calls. */
#define expect_told(name, call)                                                                         \
    do {                                                                                                \
        int64_t best = INT64_MAX;                                                                       \
        int repetition;                                                                                 \
        for (repetition = 0; repetition < 1000 && best > 1000 * system_call_ns; repetition++) {         \
            int64_t begin = cothread_now(), answer = (call), took = cothread_now() - begin;             \
            expect_at(__FILE__, __LINE__, name, answer, COTHREAD_EFORKED);                              \
            best = took < best ? took : best;                                                           \
        }                                                                                               \
        if (best > 1000 * system_call_ns)                                                               \
            fail_at(__FILE__, __LINE__, "%s: the fastest took %lld ns, a system call %lld", name,       \
                    (long long)best, (long long)system_call_ns);                                        \
    } while (0)

static void every_call_is_told(const by_handle_call *calls, size_t count, cothread_handle h) {
    size_t i;
    for (i = 0; i < count; i++)
        expect_told(calls[i].name, calls[i].call(h));
}

/* In the child: SIGALRM ends one that hangs. */
static void child(void) {
    size_t i;
    alarm(60);
    system_call_ns = INT64_MAX;
    for (i = 0; i < 100; i++) {
        int64_t begin = cothread_now(), took;
        syscall(SYS_getppid);
        took = cothread_now() - begin;
        system_call_ns = took < system_call_ns ? took : system_call_ns;
    }
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
