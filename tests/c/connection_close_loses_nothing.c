/* A close reads and drops what the peer still sends, so that what was written arrives; it says what did not, and ends in time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include <sys/ioctl.h>

enum { ANSWER = 500000 };
static cothread_handle ends[2];
static char much[ANSWER];

/* Sends a request that the server does not read, and then reads the answer to its end. */
static void *asks(void *unused) {
    static char request[100000], answer[10000];
    int64_t n, got = 0;
    expect(cothread_connection_write(ends[1], request, sizeof request, NULL, COTHREAD_FOREVER), 0);
    while ((n = cothread_connection_read(ends[1], answer, sizeof answer, COTHREAD_FOREVER)) > 0)
        got += n;
    expect(n, 0); /* a reset would be an error */
    expect(got, ANSWER);
    expect(cothread_connection_close(ends[1], COTHREAD_FOREVER) >= 0, 1); /* the request may still lie there */
    return unused;
}

static void unread_input_is_no_reset(void (*pair)(int fds[2])) {
    cothread_handle client;
    connected(pair, ends);
    client = spawn(asks, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_connection_write(ends[0], much, sizeof much, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0); /* all of the answer has arrived */
    expect(cothread_connection_state(ends[0]), COTHREAD_EHANDLE);
    join(client);
}

static size_t written;

static void *is_stuck(void *unused) {
    static char more[64 << 20]; /* than the system buffers */
    expect(cothread_connection_write(ends[0], more, sizeof more, &written, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(written > 0, 1);
    return unused;
}

static void *reads(void *wanted) {
    expect(cothread_connection_read(ends[0], &(char){0}, 1, COTHREAD_FOREVER), *(int *)wanted);
    return NULL;
}

/* A peer that takes nothing: the limit of the state ends it, and what did not arrive is told. */
static void stalled_peer(void) {
    cothread_handle tasks[2];
    int closed = COTHREAD_ECLOSED, small = 4096, arrived, fds[2];
    int64_t began = cothread_now(), left;
    tcp_pair(fds);
    expect(setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ends[0] = connection_of(fds[0]);
    tasks[0] = spawn(is_stuck, NULL);
    tasks[1] = spawn(reads, &closed);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(cothread_connection_unacknowledged(ends[0]) > 0, 1);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_CLOSING, 3 * COTHREAD_MILLISECOND), 0);
    left = cothread_connection_close(ends[0], COTHREAD_FOREVER);
    expect(ioctl(fds[1], FIONREAD, &arrived), 0);
    expect(arrived > 0, 1);
    expect(cothread_now() - began >= 3 * COTHREAD_MILLISECOND, 1);
    join(tasks[0]);
    join(tasks[1]);
    expect(left > 0 && (size_t)left <= written && (size_t)left >= written - (size_t)arrived, 1);
    close(fds[1]);
}

static void *closes(void *wanted) {
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), *(int *)wanted);
    return NULL;
}

static void cut_short(void) {
    cothread_handle task;
    int nothing = 0, closed = COTHREAD_ECLOSED;
    connected(tcp_pair, ends); /* by a cancel: it is closed all the same */
    task = spawn(closes, &nothing);
    expect(cothread_yield(), 0);
    expect(cothread_connection_state(ends[0]), COTHREAD_STATE_CLOSING);
    expect(cothread_connection_close(ends[0], COTHREAD_NOW), COTHREAD_EBUSY);
    expect(cothread_connection_read(ends[0], &(char){0}, 1, COTHREAD_FOREVER), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    expect(cothread_connection_state(ends[0]), COTHREAD_EHANDLE);
    expect(cothread_close(ends[1]), 0);
    connected(tcp_pair, ends); /* by cothread_close */
    task = spawn(closes, &closed);
    expect(cothread_yield(), 0);
    expect(cothread_close(ends[0]), 0);
    join(task);
    expect(cothread_close(ends[1]), 0);
    connected(tcp_pair, ends); /* by a deadline that has passed */
    say(ends[0], "bye");
    cothread_connection_close(ends[0], COTHREAD_NOW);
    char in[4];
    expect(cothread_connection_read_exactly(ends[1], in, 3, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_connection_read(ends[1], in, 3, COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(ends[1], COTHREAD_FOREVER), 0);
}

/* Both closed at a time: neither waits for its limit. */
static void both_sides(void) {
    cothread_handle task;
    int nothing = 0;
    connected(unix_pair, ends);
    task = spawn(closes, &nothing);
    expect(cothread_yield(), 0);
    expect(cothread_connection_close(ends[1], COTHREAD_FOREVER), 0);
    join(task);
}

int main(void) {
    handle(cothread_create(NULL));
    unread_input_is_no_reset(tcp_pair);
    unread_input_is_no_reset(unix_pair);
    stalled_peer();
    cut_short();
    both_sides();
    return nothing_left();
}
