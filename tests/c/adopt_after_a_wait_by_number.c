/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

static int fds[2];
static void *waiter(void *unused) {
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

int main(void) {
    cothread_handle adopted, task, scheduler = handle(cothread_create(NULL));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);

    /* the wait timed out */
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    adopted = handle(cothread_adopt(fds[0], 0));
    expect(cothread_release(adopted), fds[0]);

    /* the wait was cancelled */
    task = spawn(waiter, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0); /* registered */
    expect(cothread_adopt(fds[0], 0), COTHREAD_EBUSY);
    expect(strstr(cothread_last_error(), "by number") != NULL, 1);
    expect(cothread_cancel(task), 0);
    join(task);
    adopted = handle(cothread_adopt(fds[0], 0));
    expect(cothread_release(adopted), fds[0]);

    /* a descriptor that is closed after a timeout leaves nothing registered */
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    close(fds[0]);
    close(fds[1]);
    expect(cothread_yield(), 0);
    expect(statistics(scheduler).descriptors, 0);
    return nothing_left();
}
