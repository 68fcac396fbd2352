/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

static int says[2];

/* A grandchild, which is no child of ours. Its pid. */
static int stranger(cothread_handle *parent) {
    char text[16] = "";
    expect(pipe2(says, O_CLOEXEC), 0);
    *parent = start(SH("sleep 600 & echo $!; wait"), .descriptors = (cothread_process_descriptor[]){{1, says[1]}}, .descriptor_count = 1,
                    .flags = COTHREAD_NEW_GROUP);
    expect(read(says[0], text, sizeof text - 1) > 1, 1);
    close(says[0]);
    close(says[1]);
    return atoi(text);
}

int main(void) {
    cothread_handle watched, parent;
    int status, pid;
    handle(cothread_create(NULL));
    int before = open_descriptors();

    /* Our own child, forked by other means: its status is told, and still there for waitpid. */
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    watched = handle(cothread_process_open(pid));
    expect(cothread_process_pid(watched), pid);
    expect(ended_by(watched, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_process_signal(watched, SIGTERM, COTHREAD_TO_GROUP), COTHREAD_ESYSTEM); /* it leads none */
    expect(errno, ESRCH);
    expect(cothread_process_signal(watched, SIGTERM, 0), 0);
    ends(watched, COTHREAD_SIGNALLED + SIGTERM);
    expect(waitpid(pid, &status, 0), pid);
    expect(WTERMSIG(status), SIGTERM);
    ends(watched, COTHREAD_SIGNALLED + SIGTERM);
    expect(cothread_close(watched), 0);

    /* Its number is nobody's now. */
    expect(cothread_process_open(pid), COTHREAD_ESYSTEM);
    expect(errno, ESRCH);

    /* No child: only that it ended. */
    pid = stranger(&parent);
    watched = handle(cothread_process_open(pid));
    expect(ended_by(watched, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_process_signal(parent, SIGKILL, COTHREAD_TO_GROUP), 0);
    ends(watched, COTHREAD_ESYSTEM);
    expect(item_value, ECHILD);
    ends(watched, COTHREAD_ESYSTEM); /* seen already */
    expect(item_value, ECHILD);
    ends(parent, COTHREAD_SIGNALLED + SIGKILL);
    expect(cothread_close(watched), 0);
    expect(cothread_close(parent), 0);

    /* One that is closed before it ends is left alone. */
    pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    watched = handle(cothread_process_open(pid));
    expect(cothread_close(watched), 0);
    expect(open_descriptors(), before);
    expect(kill(pid, SIGKILL), 0);
    expect(waitpid(pid, &status, 0), pid);
    return nothing_left();
}
