/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

static int result;

static void *waits_for(void *process) {
    result = ended_by((cothread_handle)(intptr_t)process, COTHREAD_FOREVER);
    return NULL;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), process, task, other;
    int before = open_descriptors(), pid;
    process = start(WORDS("sleep", "600"));
    pid = cothread_process_pid(process);
    task = spawn(waits_for, (void *)(intptr_t)process);
    expect(cothread_yield(), 0);
    expect(cothread_close(process), 0);
    join(task);
    expect(result, COTHREAD_ECLOSED);
    expect(statistics(scheduler).processes, 0);
    expect(cothread_process_pid(process), COTHREAD_EHANDLE);
    expect(cothread_process_signal(process, SIGKILL, 0), COTHREAD_EHANDLE);
    expect(ended_by(process, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_close(process), COTHREAD_EHANDLE);
    expect(kill(pid, 0), 0); /* it runs on */
    other = start(SH("exit 4")); /* gets an object of its own */
    ends(other, 4);
    expect(cothread_close(other), 0);
    expect(kill(pid, SIGKILL), 0);
    while (open_descriptors() != before) /* main waits, so ticks go on */
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    no_child_is_left();

    process = start(WORDS("sleep", "600")); /* also if its status is somebody else's by then, or nobody's */
    other = start(WORDS("sleep", "600"));
    pid = cothread_process_pid(process);
    int second = cothread_process_pid(other);
    expect(cothread_close(process), 0);
    expect(cothread_close(other), 0);
    expect(kill(pid, SIGKILL), 0);
    expect(waitpid(pid, NULL, 0), pid);
    signal(SIGCHLD, SIG_IGN);
    expect(kill(second, SIGKILL), 0);
    while (open_descriptors() != before)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    no_child_is_left();
    expect(cothread_yield(), 0); /* a tick begins with what is registered */
    expect(statistics(scheduler).descriptors, 0);
    return nothing_left();
}
