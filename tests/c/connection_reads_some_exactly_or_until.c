/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static char buffer[10000];

/* A byte at a time, so that a delimiter is cut wherever it can be. */
static void *dribbles(void *connection) {
    const char *text = "first\r\nsec\rond\r\n\r\nrest";
    for (; *text; text++) {
        expect(cothread_connection_write(*(cothread_handle *)connection, text, 1, NULL, COTHREAD_FOREVER), 0);
        expect(cothread_yield(), 0);
    }
    expect(cothread_connection_finish(*(cothread_handle *)connection, COTHREAD_FOREVER), 0);
    return NULL;
}

static int64_t line(cothread_handle connection, size_t bound) {
    memset(buffer, '.', sizeof buffer);
    return cothread_connection_read_until(connection, "\r\n", 2, buffer, bound, COTHREAD_FOREVER);
}

static void lines(void (*pair)(int fds[2])) {
    cothread_handle ends[2], writer;
    size_t got;
    connected(pair, ends);
    writer = spawn(dribbles, &ends[0]);
    expect(line(ends[1], 100), 7);
    expect(memcmp(buffer, "first\r\n..", 9), 0);
    expect(line(ends[1], 8), COTHREAD_EFULL); /* nine bytes with its delimiter */
    expect(line(ends[1], 9), 9);
    expect(memcmp(buffer, "sec\rond\r\n", 9), 0);
    expect(line(ends[1], 2), 2);
    expect(line(ends[1], 100), COTHREAD_ECLOSED); /* and takes nothing */
    expect(cothread_connection_read_exactly(ends[1], buffer, 3, &got, COTHREAD_FOREVER), 0);
    expect(got, 3);
    expect(memcmp(buffer, "res", 3), 0);
    expect(cothread_connection_read_exactly(ends[1], buffer, 3, &got, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(got, 1);
    expect(buffer[0], 't');
    expect(cothread_connection_read(ends[1], buffer, 10, COTHREAD_FOREVER), 0);
    expect(cothread_connection_read(ends[1], buffer, 10, COTHREAD_FOREVER), 0); /* the end stays */
    join(writer);
    expect(cothread_connection_close(ends[1], COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0);
}

static void *writes_much(void *connection) {
    static char block[1000];
    int i;
    for (i = 0; i < 1000; i++) {
        memset(block, 'a' + i % 26, sizeof block);
        block[999] = '\n';
        expect(cothread_connection_write(*(cothread_handle *)connection, block, sizeof block, NULL, COTHREAD_FOREVER), 0);
    }
    return NULL;
}

/* Many lines at once, longer than the buffer's least size in part. */
static void many_lines(void (*pair)(int fds[2])) {
    cothread_handle ends[2], writer;
    int i;
    connected(pair, ends);
    writer = spawn(writes_much, &ends[0]);
    for (i = 0; i < 1000; i++) {
        expect(cothread_connection_read_until(ends[1], "\n", 1, buffer, i % 2 ? 1000 : 9000, COTHREAD_FOREVER), 1000);
        expect(buffer[0], 'a' + i % 26);
        expect(buffer[998], 'a' + i % 26);
    }
    join(writer);
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
}

static void timed_out_takes_nothing(void) {
    cothread_handle ends[2];
    size_t got;
    connected(unix_pair, ends);
    say(ends[0], "abc");
    expect(cothread_connection_read_until(ends[1], "\n", 1, buffer, 10, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_connection_read_until(ends[1], "\n", 1, buffer, 10, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    say(ends[0], "d");
    expect(cothread_connection_read_exactly(ends[1], buffer, 5, &got, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(got, 4); /* but what was read exactly is told of */
    expect(memcmp(buffer, "abcd", 4), 0);
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
}

/* However much the peer has sent: buffered is what the largest bound asks for, and of the other reads nothing. */
static void buffers_no_more_than_it_says(void) {
    static const size_t bounds[] = {1, 100, 4096, 4097, 100000, 50, 1 << 20};
    static char much[1 << 16], got[4 << 20];
    cothread_handle c;
    size_t i, buffered, largest = 4096;
    int fds[2], wanted = 8 << 20;
    unix_pair(fds);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
    while (send(fds[1], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    c = connection_of(fds[0]);
    expect(cothread_connection_read(c, got, 10, COTHREAD_NOW), 10);
    expect(cothread_connection_read_exactly(c, got, 10, NULL, COTHREAD_NOW), 0);
    expect(cothread_connection_release(c, got, 0, &buffered), fds[0]);
    expect(buffered, 0);
    c = connection_of(fds[0]);
    for (i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        int rc = (int)cothread_connection_read_until(c, "\n", 1, got, bounds[i], cothread_after(COTHREAD_MILLISECOND));
        expect(rc == COTHREAD_EFULL || (rc == COTHREAD_ETIMEDOUT && bounds[i] > 200000), 1); /* the system may hold less */
        while (largest < bounds[i])
            largest *= 2;
        expect(cothread_connection_release(c, got, sizeof got, &buffered), fds[0]);
        if (buffered > largest)
            fail_at(__FILE__, __LINE__, "%zu bytes are buffered after bounds up to %zu", buffered, largest);
        expect(buffered >= bounds[i] || rc == COTHREAD_ETIMEDOUT, 1);
        c = handle(cothread_connection_adopt(fds[0], got, buffered, NULL));
    }
    expect(cothread_close(c), 0);
    close(fds[1]);
}

int main(void) {
    handle(cothread_create(NULL));
    lines(tcp_pair);
    lines(unix_pair);
    many_lines(tcp_pair);
    many_lines(unix_pair);
    timed_out_takes_nothing();
    buffers_no_more_than_it_says();
    return nothing_left();
}
