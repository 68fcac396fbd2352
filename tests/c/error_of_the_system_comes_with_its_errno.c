/* What the system refuses after a wait has begun is told with its errno: as errno of a single call, as the value of an item.
 * SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include <sys/epoll.h>

static int loop; /* an epoll set that has the scheduler's own in it: the scheduler's cannot have it in turn */

static void *waits(void *unused) {
    cothread_item items[2];
    memset(items, 0, sizeof items);
    errno = 0;
    expect(cothread_wait_fd(loop, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, ELOOP);
    items[0] = (cothread_item){.kind = COTHREAD_ITEM_FD, .object = loop, .want = COTHREAD_READABLE};
    items[1] = (cothread_item){.kind = COTHREAD_ITEM_EVENT, .object = handle(cothread_event_create(0))};
    for (size_t count = 1; count <= 2; count++) {
        expect(cothread_wait(items, sizeof *items, count, COTHREAD_FOREVER, 0), 1);
        expect(items[0].fired, 1);
        expect(items[0].result, COTHREAD_ESYSTEM);
        expect(items[0].value, ELOOP);
        items[0].value = 0;
    }
    expect(cothread_close(items[1].object), 0);
    return unused;
}

int main(void) {
    cothread_handle scheduler = hosted(0), task;
    struct epoll_event event = {.events = EPOLLIN};
    int own = cothread_poll_fd();
    loop = epoll_create1(EPOLL_CLOEXEC);
    expect(epoll_ctl(loop, EPOLL_CTL_ADD, own, &event), 0);
    task = spawn(waits, NULL);
    while (cothread_join(task, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    close(loop);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    return 0;
}
