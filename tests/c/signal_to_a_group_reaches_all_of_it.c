/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

int main(void) {
    int says[2];
    char byte;
    cothread_handle process, pipe_end;
    handle(cothread_create(NULL));
    expect(pipe2(says, O_CLOEXEC), 0);
    /* Three processes hold the pipe; the leader ends last, by the same signal. */
    process = start(SH("sleep 600 & sleep 600 & echo; wait"), .descriptors = (cothread_process_descriptor[]){{1, says[1]}},
                    .descriptor_count = 1, .flags = COTHREAD_NEW_SESSION);
    close(says[1]);
    pipe_end = handle(cothread_adopt(says[0], 0));
    expect(cothread_read(pipe_end, &byte, 1, COTHREAD_FOREVER), 1);
    expect(getsid(cothread_process_pid(process)), cothread_process_pid(process));
    expect(cothread_process_signal(process, SIGTERM, COTHREAD_TO_GROUP), 0);
    ends(process, COTHREAD_SIGNALLED + SIGTERM);
    expect(cothread_read(pipe_end, &byte, 1, COTHREAD_FOREVER), 0); /* nobody holds it any more */
    expect(cothread_close(pipe_end), 0);
    expect(cothread_close(process), 0);
    no_child_is_left();
    return nothing_left();
}
