/* SPDX-License-Identifier: Apache-2.0
 * In a host that polls lists what a task waits for is in its list or its deadline: descriptors, adopted or not, and timers. */
#include "items.h"
#include "list_host.h"

int main(void) {
    cothread_handle host, timer, adopted;
    cothread_item items[3];
    cothread_pollfd list[8];
    int64_t next;
    int fds[2], pair[2], i, count, found = 0;
    char byte;
    hosted(COTHREAD_HOST_POLLS);
    host = handle(cothread_host_create(3, NULL, 0));
    timer = handle(cothread_timer_create(0));
    adopted = adopted_pair(pair);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    expect(cothread_timer_set(timer, cothread_after(60 * COTHREAD_SECOND), 0), 0);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    for (i = 0; i < 3; i++) {
        items[0] = FD(fds[0], COTHREAD_READABLE);
        items[1] = ADOPTED(adopted, COTHREAD_READABLE);
        items[2] = TIMER(timer);
        request((cothread_request){.task = host,
                                   .operation = COTHREAD_WAIT_ITEMS,
                                   .fd = 3,
                                   .deadline = COTHREAD_FOREVER,
                                   .object = sizeof *items,
                                   .value = (int64_t)(intptr_t)items});
        expect(cothread_submit(), 1);
        count = cothread_poll_list(list, 8);
        for (found = 0; count > 0; count--)
            found += list[count - 1].fd == fds[0] || (list[count - 1].fd == pair[0] && list[count - 1].events & COTHREAD_READABLE);
        expect(found, 2);
        expect(cothread_next_deadline(&next), 0);
        expect(next != COTHREAD_FOREVER && next > cothread_now(), 1);
        if (i == 0)
            expect(write(fds[1], "x", 1), 1);
        else if (i == 1)
            expect(write(pair[1], "x", 1), 1);
        else
            expect(cothread_timer_set(timer, cothread_after(COTHREAD_MILLISECOND), 0), 1);
        do
            host_round();
        while (ring->ready_count == 0);
        expect(ring->ready_count, 1);
        expect(ring->ready[0].item, i + 1);
        if (i == 0)
            expect(read(fds[0], &byte, 1), 1);
        else if (i == 1)
            expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), 1);
    }
    finish(host, 0);
    expect(cothread_submit(), 1);
    expect(cothread_close(adopted), 0);
    close(pair[1]);
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
