/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

enum { CHILDREN = SANITIZED ? 200 : 1000 };

static int until_end[2];
static int started, killed;
static cothread_handle all_run;

static void *looks_after_one(void *which) {
    int to_be_killed = (intptr_t)which % 2;
    cothread_handle process = start(WORDS("cat"), .descriptors = (cothread_process_descriptor[]){{0, until_end[0]}}, .descriptor_count = 1);
    if (++started == CHILDREN)
        expect(cothread_event_signal(all_run, NULL) >= 0, 1);
    expect(cothread_event_wait(all_run, NULL, COTHREAD_FOREVER), 0);
    if (to_be_killed) {
        expect(cothread_process_signal(process, SIGKILL, 0), 0);
        if (++killed == CHILDREN / 2)
            close(until_end[1]); /* the others read the end of their input */
    }
    ends(process, to_be_killed ? COTHREAD_SIGNALLED + SIGKILL : 0);
    expect(cothread_close(process), 0);
    return NULL;
}

int main(void) {
    static cothread_handle tasks[CHILDREN];
    cothread_handle scheduler = handle(cothread_create(NULL));
    int before = open_descriptors();
    expect(pipe2(until_end, O_CLOEXEC), 0);
    all_run = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    for (int i = 0; i < CHILDREN; i++)
        tasks[i] = spawn(looks_after_one, (void *)(intptr_t)i);
    for (int i = 0; i < CHILDREN; i++)
        join(tasks[i]);
    close(until_end[0]);
    no_child_is_left();
    expect(open_descriptors(), before);
    expect(cothread_yield(), 0);
    expect(statistics(scheduler).processes, 0);
    expect(statistics(scheduler).descriptors, 0);
    return nothing_left();
}
