/* A descriptor that a child has too keeps its open file alive after we closed ours: what comes for the child must not wake
 * a task that waits for another descriptor of the same number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

static int number;
static int woken;

static void *waits(void *unused) {
    woken = cothread_wait_fd(number, COTHREAD_READABLE, COTHREAD_FOREVER);
    return unused;
}

int main(void) {
    int first[2], second[2], report[2];
    char byte;
    cothread_handle process, task, ready;
    handle(cothread_create(NULL));
    expect(pipe2(report, O_CLOEXEC), 0);
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, first), 0);
    number = first[0];
    task = spawn(waits, NULL); /* registers the number */
    expect(cothread_yield(), 0);
    process = start(SH("read line && echo $line"), .descriptors = (cothread_process_descriptor[]){{0, number}, {1, report[1]}},
                    .descriptor_count = 2);
    close(report[1]);
    expect(cothread_wake_fd(number), 1);
    join(task);
    expect(woken, COTHREAD_ECLOSED);
    expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second), 0);
    expect(dup3(second[0], number, O_CLOEXEC), number); /* closes ours of the first, but not the child's */
    close(second[0]);
    woken = 0;
    task = spawn(waits, NULL);
    expect(cothread_yield(), 0);
    expect(write(first[1], "x\n", 2), 2); /* for the child's descriptor */
    ready = handle(cothread_adopt(report[0], 0));
    expect(cothread_read(ready, &byte, 1, COTHREAD_FOREVER), 1);
    ends(process, 0);
    expect(woken, 0);
    expect(write(second[1], "y", 1), 1);
    join(task);
    expect(woken, COTHREAD_READABLE);
    expect(cothread_close(ready), 0);
    expect(cothread_close(process), 0);
    return nothing_left();
}
