/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"
#include <sys/wait.h>

static cothread_handle scheduler, event;

/* In the child: 10 s are plenty for what must not even enter Go; SIGALRM ends a child that hangs. */
static void child(void) {
    size_t i;
    alarm(10);
    for (i = 0; i < ROWS(no_handle_calls); i++)
        expect_at(__FILE__, __LINE__, no_handle_calls[i].name, no_handle_calls[i].call(), COTHREAD_EFORKED);
    every_answer_is(by_handle_calls, ROWS(by_handle_calls), event, COTHREAD_EFORKED, "");
    every_answer_is(by_handle_calls, ROWS(by_handle_calls), 12345, COTHREAD_EFORKED, "");
    every_answer_is(any_thread_calls, ROWS(any_thread_calls), scheduler, COTHREAD_EFORKED, "");
    expect(cothread_create(NULL), COTHREAD_EFORKED);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), COTHREAD_EFORKED);
    expect(cothread_host_ring() == NULL, 1);
    expect(cothread_abi(), COTHREAD_ABI);
    expect(cothread_now() > 0, 1);
    expect(strncmp(cothread_strerror(COTHREAD_EFORKED), "COTHREAD_EFORKED", 16), 0);
    expect(cothread_last_error()[0] != 0, 1);
    _exit(0);
}

static void child_is_well(void) {
    int status = 0;
    pid_t pid = fork();
    expect(pid >= 0, 1);
    if (pid == 0)
        child();
    expect(waitpid(pid, &status, 0), pid);
    expect(status, 0);
}

static void *forks(void *unused) {
    child_is_well();
    return unused;
}

int main(void) {
    child_is_well(); /* loaded, but no scheduler yet */
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    child_is_well();
    join(spawn(forks, NULL));
    return nothing_left(); /* the parent was not disturbed */
}
