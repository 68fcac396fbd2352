/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

static void *waits_for(void *process) {
    ends((cothread_handle)(intptr_t)process, 3);
    return NULL;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL)), process, tasks[3];
    const int codes[] = {0, 1, 127, 255};
    char script[32];
    for (int i = 0; i < 4; i++) {
        snprintf(script, sizeof script, "exit %d", codes[i]);
        process = start(SH(script));
        expect(cothread_process_pid(process) > 0, 1);
        ends(process, codes[i]);
        expect(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == codes[i], 1);
        ends(process, codes[i]); /* a condition: it stays */
        expect(ended_by(process, COTHREAD_NOW), codes[i]);
        expect(cothread_close(process), 0);
        expect(ended_by(process, COTHREAD_NOW), COTHREAD_EHANDLE);
    }

    process = start(WORDS("sleep", "600"));
    expect(statistics(scheduler).processes, 1);
    expect(ended_by(process, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(ended_by(process, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_process_signal(process, 0, 0), 0);
    expect(cothread_process_signal(process, 1000, 0), COTHREAD_EINVAL);
    expect(cothread_process_signal(process, SIGTERM, 2), COTHREAD_EINVAL);
    expect(cothread_process_signal(process, SIGTERM, 0), 0);
    ends(process, COTHREAD_SIGNALLED + SIGTERM);
    expect(WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGTERM, 1);
    errno = 0;
    expect(cothread_process_signal(process, SIGTERM, 0), COTHREAD_ESYSTEM);
    expect(errno, ESRCH);
    expect(cothread_close(process), 0);

    process = start(SH("read line; exit 3"), .descriptors = (cothread_process_descriptor[]){{0, open("/dev/null", O_RDONLY)}},
                    .descriptor_count = 1);
    for (int i = 0; i < 3; i++)
        tasks[i] = spawn(waits_for, (void *)(intptr_t)process);
    for (int i = 0; i < 3; i++)
        join(tasks[i]);
    expect(cothread_close(process), 0);
    expect(statistics(scheduler).processes, 0);
    no_child_is_left();
    return nothing_left();
}
