/* Of one descriptor a batch has 64 KiB at most, and of all together what the arena holds; the rest comes in the next ones. Without a
 * poll nothing is read, so a peer that sends more than the host takes is kept waiting.
 * SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

enum { PEERS = 40, EACH = 65536 };
static cothread_handle adopted[PEERS];
static int pairs[PEERS][2];
static char block[EACH];

static void armed(int i) {
    int room = 1 << 20;
    adopted[i] = adopted_pair(pairs[i]);
    setsockopt(pairs[i][1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    request((cothread_request){.task = adopted[i], .operation = COTHREAD_READ, .object = i});
}

static void disarmed(int i) {
    expect(cothread_close(adopted[i]), 0);
    close(pairs[i][1]);
}

/* Bytes of each in the batch. */
static size_t batch_of(size_t got[PEERS]) {
    size_t sum = 0;
    memset(got, 0, PEERS * sizeof *got);
    expect(cothread_poll_scheduler(COTHREAD_NOW) >= 0, 1);
    for (int i = 0; i < (int)ring->ready_count; i++) {
        const cothread_ready *ready = &ring->ready[i];
        expect(ready->reason, COTHREAD_DATA);
        expect((uint64_t)ready->value + ready->events <= ring->input_size, 1);
        got[ready->token] += ready->events;
        sum += ready->events;
    }
    for (int i = 0; i < PEERS; i++)
        expect(got[i] <= EACH, 1);
    return sum;
}

static size_t sent_without_waiting(int fd) {
    size_t sum = 0;
    ssize_t n;
    while ((n = send(fd, block, sizeof block, MSG_DONTWAIT)) > 0)
        sum += (size_t)n;
    return sum;
}

static void one_that_always_sends(void) {
    size_t got[PEERS], more, sent, taken = 0;
    armed(0);
    expect(batch_of(got), 0);
    sent = sent_without_waiting(pairs[0][1]);
    expect(sent_without_waiting(pairs[0][1]), 0);
    for (int i = 0; i < 20; i++) {
        taken += batch_of(got);
        more = sent_without_waiting(pairs[0][1]);
        expect(more <= 2 * EACH, 1); /* as much room as was made, by the system's measure */
        sent += more;
    }
    expect(taken > 0 && taken <= 20 * EACH, 1);
    while ((more = batch_of(got)) > 0)
        taken += more;
    expect(taken, sent);
    disarmed(0);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1); /* that it was closed */
}

static void many_at_once(void) {
    size_t got[PEERS], all[PEERS] = {0}, sum, total = 0;
    int batches = 0;
    for (int i = 0; i < PEERS; i++)
        armed(i);
    for (int i = 0; i < PEERS; i++)
        expect(write(pairs[i][1], block, EACH), EACH);
    while (total < (size_t)PEERS * EACH) {
        sum = batch_of(got);
        expect(sum <= ring->input_size, 1);
        total += sum;
        for (int i = 0; i < PEERS; i++)
            all[i] += got[i];
        batches++;
    }
    for (int i = 0; i < PEERS; i++)
        expect(all[i], EACH);
    expect(batches >= (int)(total / ring->input_size), 1);
    for (int i = 0; i < PEERS; i++)
        disarmed(i);
    expect(cothread_poll_scheduler(COTHREAD_NOW), PEERS);
}

int main(void) {
    hosted(0);
    one_that_always_sends();
    many_at_once();
    return nothing_left();
}
