/* A host that waits in poll(2) only, never in the library.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIST_HOST_H
#define LIST_HOST_H

#include "host.h"

#include <poll.h>

/* One round of the host's own loop, which waits for at most so long; -1: for ever. */
static inline void host_round_for(int most) {
    static cothread_pollfd list[256];
    static struct pollfd entries[256];
    int64_t next, now;
    int count, i, milliseconds;
    count = cothread_poll_list(list, 256);
    expect(count >= 1 && count <= 256, 1);
    expect(cothread_poll_list(list, 0), count);
    expect(cothread_next_deadline(&next), 0);
    now = cothread_now();
    milliseconds = next == COTHREAD_FOREVER ? -1 : next <= now ? 0 : (int)((next - now) / COTHREAD_MILLISECOND) + 1;
    if (most >= 0 && (milliseconds < 0 || milliseconds > most))
        milliseconds = most;
    for (i = 0; i < count; i++)
        entries[i] = (struct pollfd){.fd = list[i].fd, .events = (short)list[i].events};
    if (poll(entries, (nfds_t)count, milliseconds) < 0) { /* time passed all the same */
        expect(errno, EINTR);
        for (i = 0; i < count; i++)
            entries[i].revents = 0;
    }
    for (i = 0; i < count; i++)
        list[i].revents = (uint16_t)entries[i].revents;
    expect(cothread_poll_deliver(list, count) >= 0, 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW) >= 0, 1);
}

static inline void host_round(void) {
    host_round_for(-1);
}

#endif
