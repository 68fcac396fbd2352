/* A host reads and writes many sockets in batches, at random, and connects some of them, giving up other connects at any time;
 * every byte arrives once and in order, at both ends.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "list_host.h"
#include "random.h"

#define PAIRS 24

static struct {
    cothread_handle adopted;
    int peer;
    uint64_t written, seen;           /* by the host */
    uint64_t peer_written, peer_seen; /* by the other end */
    int reading, unsent, ended, closed;
} pairs[PAIRS];
static uint64_t lives, bytes;

static char byte_at(int pair, int way, uint64_t at) {
    return (char)(at * 31 + (at >> 8) * 7 + (unsigned)pair * 3 + (unsigned)way);
}

static void ask(int i, int operation, int fd, int64_t value, int64_t deadline) {
    request((cothread_request){.task = pairs[i].adopted, .operation = operation, .fd = fd, .deadline = deadline, .object = i, .value = value});
}

static int listener, answered;
static char port[8];
static cothread_handle connection;

static void look(void);

static void listens(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    expect(bind(listener, (struct sockaddr *)&address, length), 0);
    expect(listen(listener, 64), 0);
    expect(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
}

/* The library connects, at the latest try; what came of those that were given up is closed. */
static cothread_handle connected(int *peer) {
    cothread_handle task = handle(cothread_host_create(PAIRS, NULL, 0));
    struct sockaddr_in ours, theirs;
    socklen_t length = sizeof ours;
    int64_t deadlines[] = {COTHREAD_NOW, cothread_after((int64_t)below(100000)), COTHREAD_FOREVER};
    for (connection = 0; !connection;) {
        answered = 0;
        request((cothread_request){.task = task, .operation = COTHREAD_CONNECT, .deadline = deadlines[below(3)],
                                   .object = (int64_t)(intptr_t)(below(4) ? "127.0.0.1" : "localhost"), .value = (int64_t)(intptr_t)port});
        for (int n = (int)below(3); n-- > 0 && !answered;)
            look();
        if (!answered && below(2)) {
            int operation = below(2) ? COTHREAD_WITHDRAW : COTHREAD_FINISH;
            request((cothread_request){.task = task, .operation = operation});
            look();
            if (operation == COTHREAD_FINISH)
                task = handle(cothread_host_create(PAIRS, NULL, 0));
        } else {
            while (!answered)
                look();
        }
    }
    request((cothread_request){.task = task, .operation = COTHREAD_FINISH});
    expect(getsockname(cothread_descriptor(connection), (struct sockaddr *)&ours, &length), 0);
    while ((*peer = accept(listener, (struct sockaddr *)&theirs, &length)) >= 0 && theirs.sin_port != ours.sin_port)
        close(*peer);
    return connection;
}

static void open_pair(int i) {
    int fds[2], buffer = 4096 << below(4);
    memset(&pairs[i], 0, sizeof pairs[i]);
    pairs[i].adopted = below(2) ? adopted_pair(fds) : connected(&fds[1]);
    fds[0] = cothread_descriptor(pairs[i].adopted);
    pairs[i].peer = fds[1];
    expect(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer), 0);
    expect(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer), 0);
    lives++;
}

static void peer_reads(int i, size_t most) {
    static char block[65536];
    ssize_t n = recv(pairs[i].peer, block, most, MSG_DONTWAIT);
    for (ssize_t k = 0; k < n; k++)
        if (block[k] != byte_at(i, 1, pairs[i].peer_seen++))
            fail_at(__FILE__, __LINE__, "the other end of %d read a wrong byte", i);
    bytes += n > 0 ? (uint64_t)n : 0;
    if (n == 0)
        pairs[i].closed = 2;
}

static void peer_writes(int i, size_t size) {
    static char block[65536];
    for (size_t k = 0; k < size; k++)
        block[k] = byte_at(i, 0, pairs[i].peer_written + k);
    ssize_t n = send(pairs[i].peer, block, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    pairs[i].peer_written += n > 0 ? (uint64_t)n : 0;
}

static void take_batch(void) {
    for (int64_t k = 0; k < ring->ready_count; k++) {
        const cothread_ready *ready = &ring->ready[k];
        int i = (int)ready->token;
        if (i == PAIRS) {
            expect(ready->reason == 0 || ready->reason == COTHREAD_ETIMEDOUT, 1);
            connection = ready->value;
            answered = 1;
            continue;
        }
        switch (ready->reason) {
        case COTHREAD_DATA:
            expect(pairs[i].reading != 0, 1);
            for (uint32_t b = 0; b < ready->events; b++)
                if (ring->input[ready->value + b] != byte_at(i, 0, pairs[i].seen++))
                    fail_at(__FILE__, __LINE__, "the host read a wrong byte of %d", i);
            if (pairs[i].reading == 1)
                pairs[i].reading = 0;
            bytes += ready->events;
            break;
        case COTHREAD_END:
            expect(pairs[i].seen, pairs[i].peer_written);
            pairs[i].ended = 1;
            pairs[i].reading = 0;
            break;
        case COTHREAD_WRITTEN:
            pairs[i].unsent = ready->value > 0;
            break;
        default:
            fail_at(__FILE__, __LINE__, "entry of %d: %d, %u", i, ready->reason, ready->events);
        }
    }
    ring->ready_count = 0;
}

static void look(void) {
    if (cothread_poll_list(NULL, 0) >= 0)
        host_round_for(0);
    else
        expect(cothread_poll() >= 0, 1);
    take_batch();
}

/* finish_pair lets all that was written arrive, by either end. */
static void finish_pair(int i) {
    if (!pairs[i].ended) {
        expect(shutdown(pairs[i].peer, SHUT_WR), 0);
        ask(i, COTHREAD_READ, 0, 0, 0);
        pairs[i].reading = 2;
        while (!pairs[i].ended) {
            look();
            peer_reads(i, 65536);
        }
    }
    ask(i, COTHREAD_CLOSE, 0, 0, COTHREAD_FOREVER);
    look();
    while (pairs[i].closed != 2) {
        peer_reads(i, 65536);
        if (cothread_descriptor(pairs[i].adopted) >= 0)
            look();
    }
    expect(pairs[i].peer_seen, pairs[i].written);
    close(pairs[i].peer);
}

static int random_transfers(uint32_t flags) {
    hosted(flags);
    listens();
    ring->deadline = COTHREAD_NOW;
    for (int i = 0; i < PAIRS; i++)
        open_pair(i);
    for (int turn = 0; turn < 6000; turn++) {
        size_t used = 0;
        for (int n = (int)below(12); n-- > 0;) {
            int i = (int)below(PAIRS);
            size_t size = 1 + below(below(4) ? 300 : 40000);
            switch (below(8)) {
            case 0:
            case 1:
                peer_writes(i, size);
                break;
            case 2:
            case 3:
                peer_reads(i, size);
                break;
            case 4:
                if (pairs[i].unsent || used + size > ring->output_size)
                    break;
                for (size_t k = 0; k < size; k++)
                    ring->output[used + k] = byte_at(i, 1, pairs[i].written++);
                ask(i, COTHREAD_WRITE, (int)size, (int64_t)used, 0);
                used += size;
                break;
            case 5:
                pairs[i].reading = 1;
                ask(i, COTHREAD_READ, (int)size, 0, 0);
                break;
            case 6:
                pairs[i].reading = 2;
                ask(i, COTHREAD_READ, 0, 0, 0);
                break;
            default:
                if (below(3) == 0) {
                    pairs[i].reading = 0;
                    ask(i, COTHREAD_PAUSE, 0, 0, 0);
                }
            }
        }
        if (below(3))
            look();
        else
            expect(cothread_submit() >= 0, 1);
        if (below(40) == 0) {
            int i = (int)below(PAIRS);
            look();
            finish_pair(i);
            open_pair(i);
        }
    }
    look();
    for (int i = 0; i < PAIRS; i++)
        finish_pair(i);
    expect(lives > 100 && bytes > 1000000, 1);
    look();
    close(listener);
    expect(statistics(cothread_current()).adopted, 0);
    return nothing_left();
}
