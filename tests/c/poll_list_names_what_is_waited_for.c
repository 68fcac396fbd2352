/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void *waits(void *fd) {
    expect(cothread_wait_fd(*(int *)fd, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    return NULL;
}

int main(void) {
    cothread_pollfd list[4];
    cothread_handle task;
    int fds[2];
    hosted(COTHREAD_HOST_POLLS);
    expect(pipe(fds), 0);
    expect(cothread_poll_list(list, 4), 1);
    expect(list[0].fd >= 0, 1);
    expect(list[0].events, COTHREAD_READABLE);
    task = spawn(waits, &fds[0]);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    memset(list, 0, sizeof list);
    expect(cothread_poll_list(list, 1), 2); /* no room: how many there are */
    expect(list[1].fd, 0);
    expect(cothread_poll_list(list, 4), 2);
    expect(list[1].fd, fds[0]);
    expect(list[1].events, COTHREAD_READABLE);
    expect(write(fds[1], "x", 1), 1);
    list[0].revents = 0;
    list[1].revents = 0;
    expect(cothread_poll_deliver(list, 2) >= 0, 1); /* skipped */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_join(task, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    list[1].revents = COTHREAD_READABLE;
    expect(cothread_poll_deliver(list, 2) >= 0, 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_join(task, NULL, COTHREAD_NOW), 0);
    expect(cothread_poll_deliver(list, 2) >= 0, 1); /* nobody waits for it any more */
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_poll_list(list, 4), 1);
    expect(cothread_poll_list(NULL, 4), COTHREAD_EINVAL);
    expect(cothread_poll_list(list, -1), COTHREAD_EINVAL);
    expect(cothread_poll_deliver(NULL, 1), COTHREAD_EINVAL);
    expect(cothread_poll_deliver(list, -1), COTHREAD_EINVAL);
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
