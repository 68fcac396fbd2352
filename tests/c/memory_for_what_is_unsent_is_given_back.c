/* What the system does not take of a host's writes is kept, and the memory for it given back: when it has gone out, when the peer is
 * gone, and when the descriptor is closed before.
 * SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <malloc.h>

enum { PEERS = 30, EACH = 1 << 20, SMALL = 1 << 20 };
static cothread_handle adopted[PEERS];
static int pairs[PEERS][2];

static size_t in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void polled(void) {
    expect(cothread_poll_scheduler(COTHREAD_NOW) >= 0, 1);
}

int main(void) {
    static char taken[EACH];
    size_t before, full;
    ssize_t n;
    hosted(0);
    polled();
    before = in_use();
    for (int i = 0; i < PEERS; i++) {
        adopted[i] = adopted_pair(pairs[i]);
        for (int k = 0; k < 3; k++)
            request((cothread_request){.task = adopted[i], .operation = COTHREAD_WRITE, .fd = EACH, .object = i});
        polled();
    }
    full = in_use();
    if (SANITIZED)
        full = before + PEERS * (size_t)EACH; /* they have a malloc of their own */
    expect(full - before >= PEERS * (size_t)EACH, 1);
    for (int i = 0; i < PEERS; i++)
        if (i % 3 == 0)
            expect(cothread_close(adopted[i]), 0);
        else if (i % 3 == 1)
            close(pairs[i][1]);
        else
            for (size_t got = 0; got < 3 * (size_t)EACH; got += n > 0 ? (size_t)n : 0) {
                n = recv(pairs[i][1], taken, sizeof taken, MSG_DONTWAIT);
                polled();
            }
    for (int i = 0; i < 10; i++)
        polled();
    if (!SANITIZED && in_use() > before + SMALL)
        fail_at(__FILE__, __LINE__, "of %zu bytes %zu are still in use", full - before, in_use() - before);
    for (int i = 0; i < PEERS; i++) {
        if (i % 3 != 0)
            expect(cothread_close(adopted[i]), 0);
        if (i % 3 != 1)
            close(pairs[i][1]);
    }
    return nothing_left();
}
