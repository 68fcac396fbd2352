/* SPDX-License-Identifier: Apache-2.0
 * A peer that has sent its last stays readable for the system for ever. Once a read has returned 0 that is no news: a loop that
 * waits for READABLE and reads waits. */
#include "test.h"

int main(void) {
    int fds[2], rounds = 0;
    char byte;
    cothread_handle adopted;
    int64_t deadline;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    expect(write(fds[1], "x", 1), 1);
    expect(shutdown(fds[1], SHUT_WR), 0);
    deadline = cothread_after(20 * COTHREAD_MILLISECOND);
    while (cothread_wait_ready(adopted, COTHREAD_READABLE, deadline) > 0) {
        expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW) >= 0, 1);
        expect(++rounds < 10, 1);
    }
    expect(rounds >= 2, 1); /* the byte, the end; perhaps one report that crossed it */
    expect(cothread_wait_ready(adopted, COTHREAD_READHUP, COTHREAD_NOW), COTHREAD_READHUP);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), 0);
    close(fds[1]);
    expect(cothread_wait_ready(adopted, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_HANGUP, COTHREAD_HANGUP);
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
