/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* SIGPIPE has its default action here: the program would die of it. */
int main(void) {
    int fds[2];
    char byte;
    cothread_handle adopted;
    expect(signal(SIGPIPE, SIG_DFL) != SIG_ERR, 1);
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    close(fds[1]);
    errno = 0;
    expect(cothread_write(adopted, "x", 1, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EPIPE);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), 0);
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
