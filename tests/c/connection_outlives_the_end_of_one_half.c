/* Half-closes, resets and peers that stop reading: what was sent before is read, and each change of state is told.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static char buffer[100000];
static cothread_handle ends[2];

static void observe(cothread_handle connection, int from, int to, void *unused) {
    (void)unused;
    expect(to == COTHREAD_STATE_CLOSED ? COTHREAD_STATE_CLOSED : cothread_connection_state(connection), to);
    if (to != COTHREAD_STATE_CLOSED) {
        expect(cothread_close(connection), COTHREAD_EBUSY);
        expect(cothread_connection_close(connection, COTHREAD_FOREVER), COTHREAD_EBUSY);
        expect(cothread_connection_release(connection, buffer, 1, &(size_t){0}), COTHREAD_EBUSY);
    }
    note("%d%d", from, to);
}

/* The end of the input takes nothing from the output: a long answer after the peer's end. */
static void *answers(void *unused) {
    while (cothread_connection_read(ends[1], buffer, sizeof buffer, COTHREAD_FOREVER) > 0)
        ;
    expect(cothread_connection_state(ends[1]), COTHREAD_STATE_INPUT_ENDED);
    for (int i = 0; i < 30; i++)
        expect(cothread_connection_write(ends[1], buffer, sizeof buffer, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(ends[1], COTHREAD_FOREVER) >= 0, 1);
    return unused;
}

static void input_first(void (*pair)(int fds[2])) {
    cothread_handle task;
    static char in[100000];
    int64_t n, got = 0;
    connected(pair, ends);
    expect(cothread_connection_observe(ends[0], observe, NULL), 0);
    task = spawn(answers, NULL);
    say(ends[0], "question");
    expect(cothread_connection_finish(ends[0], COTHREAD_FOREVER), 0);
    while ((n = cothread_connection_read(ends[0], in, sizeof in, COTHREAD_FOREVER)) > 0)
        got += n;
    expect(n, 0);
    expect(got, 30 * (int)sizeof buffer);
    join(task);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0);
    expect_order("35 56 67");
}

/* A reset: the reader learns of it, and the writer; later calls name the state. */
static void *reads(void *unused) {
    expect(cothread_connection_read(ends[0], buffer, 1, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, ECONNRESET);
    return unused;
}

static void reset_by_peer(void) {
    cothread_handle task;
    int fds[2];
    tcp_pair(fds);
    ends[0] = connection_of(fds[0]);
    expect(cothread_connection_observe(ends[0], observe, NULL), 0);
    task = spawn(reads, NULL);
    expect(cothread_yield(), 0);
    reset(fds[1]);
    join(task);
    expect(cothread_connection_write(ends[0], "x", 1, NULL, COTHREAD_FOREVER), COTHREAD_ESTATE);
    expect(errno, ECONNRESET);
    expect(strstr(cothread_last_error(), "write does not fit a connection that is failed (errno 104)") != NULL, 1);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0);
    expect_order("38 87");
}

/* What came before the reset is read first, if a write met it. */
static void answer_before_a_reset(void) {
    int fds[2], i;
    tcp_pair(fds);
    ends[0] = connection_of(fds[0]);
    expect(cothread_connection_observe(ends[0], observe, NULL), 0);
    expect(send(fds[1], "413", 3, 0), 3);
    reset(fds[1]);
    for (i = 0; i < 2; i++)
        expect(cothread_connection_write(ends[0], "x", 1, NULL, COTHREAD_FOREVER), i ? COTHREAD_ESTATE : COTHREAD_ESYSTEM);
    expect(errno, ECONNRESET);
    expect(cothread_connection_read(ends[0], buffer, 10, COTHREAD_FOREVER), 3);
    expect(cothread_connection_read(ends[0], buffer, 10, COTHREAD_FOREVER), COTHREAD_ESTATE);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0);
    expect_order("38 87");
}

/* A peer that reads no more may still write. */
static void peer_stops_reading(void) {
    int fds[2];
    unix_pair(fds);
    ends[0] = connection_of(fds[0]);
    expect(cothread_connection_observe(ends[0], observe, NULL), 0);
    expect(shutdown(fds[1], SHUT_RD), 0);
    expect(cothread_connection_write(ends[0], "x", 1, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EPIPE);
    expect(cothread_connection_write(ends[0], "x", 1, NULL, COTHREAD_FOREVER), COTHREAD_ESTATE);
    expect(write(fds[1], "still", 5), 5);
    expect(cothread_connection_read(ends[0], buffer, 10, COTHREAD_FOREVER), 5);
    close(fds[1]);
    expect(cothread_connection_read(ends[0], buffer, 10, COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0);
    expect_order("35 56 67");
}

int main(void) {
    handle(cothread_create(NULL));
    input_first(tcp_pair);
    input_first(unix_pair);
    reset_by_peer();
    answer_before_a_reset();
    peer_stops_reading();
    return nothing_left();
}
