/* SPDX-License-Identifier: Apache-2.0 */
#include "list_host.h"
#include "process.h"

static int done;

static void *looks_after_one(void *which) {
    char script[32];
    int code = (int)(intptr_t)which;
    snprintf(script, sizeof script, "exit %d", code);
    cothread_handle process = start(SH(script));
    ends(process, code);
    expect(cothread_close(process), 0);
    done++;
    return NULL;
}

int main(void) {
    cothread_handle scheduler = hosted(COTHREAD_HOST_POLLS), tasks[20], closed;
    cothread_pollfd list[4];
    int before = open_descriptors();
    for (int i = 0; i < 20; i++)
        tasks[i] = spawn(looks_after_one, (void *)(intptr_t)i);
    while (done < 20)
        host_round();
    for (int i = 0; i < 20; i++)
        expect(cothread_join(tasks[i], NULL, COTHREAD_NOW), 0);

    /* A host task's wait. */
    cothread_handle host_task = handle(cothread_host_create(7, NULL, 0)), process = start(SH("exit 5"));
    cothread_item item = {.kind = COTHREAD_ITEM_PROCESS, .object = process};
    request((cothread_request){.task = host_task, .operation = COTHREAD_WAIT_ITEMS, .fd = 1, .deadline = COTHREAD_FOREVER,
                               .object = sizeof item, .value = (int64_t)(intptr_t)&item});
    do
        host_round();
    while (ring->ready_count == 0);
    expect(ring->ready_count, 1);
    expect(ring->ready[0].token, 7);
    expect(ring->ready[0].reason, 0);
    expect(ring->ready[0].events, 5);
    expect(WEXITSTATUS((int)ring->ready[0].value), 5);
    finish(host_task, 0);
    expect(cothread_submit(), 1);
    expect(cothread_close(process), 0);

    /* One that ended, and is not closed, does not keep the host's poll from waiting. */
    cothread_handle ended = start(SH("exit 1"));
    closed = start(WORDS("sleep", "600"));
    int pid = cothread_process_pid(closed);
    expect(cothread_close(closed), 0);
    while (ended_by(ended, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        host_round();
    for (int rounds = 0; rounds < 3; rounds++) { /* what was reported already is delivered */
        expect(cothread_poll_list(list, 4) <= 4, 1);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    }
    expect(kill(pid, SIGKILL), 0); /* the forgotten one is reaped by the host's rounds, too */
    while (open_descriptors() > before + 1)
        host_round();
    expect(cothread_close(ended), 0);
    expect(open_descriptors(), before);
    expect(cothread_poll_list(list, 4), 1);
    no_child_is_left();
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(statistics(scheduler).descriptors, 0);
    return nothing_left();
}
