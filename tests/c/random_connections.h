/* random_connections.h - connections are read and written in every way at a time, and end in every way: finished, closed,
 * reset, released, over their limit, by a cancel. What arrives is what was written, in order; of a connection that ended
 * cleanly, all of it; and never more than the writer was told.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RANDOM_CONNECTIONS_H
#define RANDOM_CONNECTIONS_H

#include "connections.h"
#include "random.h"

enum { PAIRS = 20, LIVES = 40, MOST = 60000 };
static char pattern[2 * MOST];
static int file;

typedef struct {
    cothread_handle ends[2];
    size_t written, got; /* from 0 to 1 */
    int clean, ended;
} pair_of;

static int64_t soon(void) {
    switch (below(4)) {
    case 0: return COTHREAD_NOW;
    case 1: return cothread_after((int64_t)below(200000));
    default: return cothread_after(2 * COTHREAD_MILLISECOND);
    }
}

static int goes_on(int64_t rc) {
    return rc >= 0 || rc == COTHREAD_ETIMEDOUT || rc == COTHREAD_EFULL;
}

static void *writer(void *argument) {
    pair_of *p = argument;
    size_t total = below(MOST), written;
    while (p->written < total) {
        size_t size = 1 + below(total - p->written);
        const char *from = pattern + p->written;
        cothread_span spans[3] = {{from, size / 3}, {from + size / 3, 0}, {from + size / 3, size - size / 3}};
        cothread_message message = {.size = sizeof message, .data = (void *)from, .length = size};
        int64_t rc;
        switch (below(4)) {
        case 0: rc = cothread_connection_write(p->ends[0], from, size, &written, soon()); break;
        case 1: rc = cothread_connection_writev(p->ends[0], spans, 3, &written, soon()); break;
        case 2: rc = cothread_connection_sendfile(p->ends[0], file, (int64_t)p->written, size, &written, soon()); break;
        default: rc = cothread_connection_send(p->ends[0], &message, &written, soon());
        }
        p->written += written;
        expect(rc == 0, written == size);
        if (!goes_on(rc) || (rc < 0 && cothread_connection_state(p->ends[0]) != COTHREAD_STATE_OPEN))
            return NULL;
        if (below(4) == 0)
            cothread_yield();
    }
    if (below(3)) {
        if (below(2))
            p->clean = cothread_connection_finish(p->ends[0], COTHREAD_FOREVER) == 0;
        else
            p->clean = cothread_connection_close(p->ends[0], cothread_after(60 * COTHREAD_SECOND)) == 0;
    }
    return NULL;
}

static void *reader(void *argument) {
    pair_of *p = argument;
    char block[3000];
    for (;;) {
        size_t size = 1 + below(sizeof block), got = 0;
        cothread_message message = {.size = sizeof message, .data = block, .length = size};
        int64_t n;
        switch (below(4)) {
        case 0: n = cothread_connection_read_exactly(p->ends[1], block, size, &got, soon()); break;
        case 1:
            n = cothread_connection_read_until(p->ends[1], "\n", 1, block, size, soon());
            got = n > 0 ? (size_t)n : 0;
            break;
        case 2:
            n = cothread_connection_receive(p->ends[1], &message, soon());
            got = n > 0 ? (size_t)n : 0;
            break;
        default:
            n = cothread_connection_read(p->ends[1], block, size, soon());
            got = n > 0 ? (size_t)n : 0;
        }
        if (memcmp(block, pattern + p->got, got) != 0)
            fail_at(__FILE__, __LINE__, "what was read behind %zu bytes is not what was written", p->got);
        p->got += got;
        if (cothread_connection_state(p->ends[1]) == COTHREAD_STATE_INPUT_ENDED &&
            cothread_connection_read(p->ends[1], block, 1, COTHREAD_NOW) == 0) {
            p->ended = 1;
            cothread_connection_close(p->ends[1], COTHREAD_NOW); /* the other end may wait for this */
            return NULL;
        }
        if (cothread_connection_state(p->ends[1]) == COTHREAD_STATE_INPUT_ENDED)
            p->got++; /* that byte */
        else if (!goes_on(n) && cothread_connection_state(p->ends[1]) != COTHREAD_STATE_OPEN)
            return NULL;
    }
}

static void *interferes(void *argument) {
    pair_of *p = argument;
    size_t buffered;
    char buffer[8192];
    int fd, end = (int)below(2);
    cothread_sleep((int64_t)below(2000000));
    if (below(2) && p->clean)
        return NULL;
    switch (below(6)) {
    case 0: cothread_close(p->ends[end]); break;
    case 1: cothread_connection_close(p->ends[end], soon()); break;
    case 2: cothread_connection_limit(p->ends[end], COTHREAD_STATE_OPEN, 1 + (int64_t)below(1000000)); break;
    case 3:
        fd = cothread_connection_release(p->ends[end], buffer, sizeof buffer, &buffered);
        if (fd >= 0)
            close(fd);
        break;
    case 4:
        fd = cothread_connection_descriptor(p->ends[end]);
        if (fd >= 0)
            shutdown(fd, (int)below(3));
        break;
    default: return NULL; /* the peer's end is all there is */
    }
    p->clean = -1;
    return NULL;
}

static void *lives(void *unused) {
    int i, j;
    for (i = 0; i < LIVES; i++) {
        pair_of p = {.written = 0};
        cothread_handle tasks[3];
        int disturbed = (int)below(2);
        connected(below(2) ? tcp_pair : unix_pair, p.ends);
        tasks[0] = spawn(writer, &p);
        tasks[1] = spawn(reader, &p);
        tasks[2] = disturbed ? spawn(interferes, &p) : 0;
        join(tasks[0]);
        if (p.clean <= 0) { /* it left the connection open: the reader learns of the end now, or by a cancel */
            if (cothread_close(p.ends[0]) < 0 || below(2)) {
                expect(cothread_cancel(tasks[1]), 0);
                cothread_close(p.ends[1]);
            }
        }
        join(tasks[1]);
        if (tasks[2])
            join(tasks[2]);
        if (p.got > p.written)
            fail_at(__FILE__, __LINE__, "%zu bytes were read, and %zu written", p.got, p.written);
        if (p.clean > 0 && p.ended && !disturbed)
            expect(p.got, p.written);
        for (j = 0; j < 2; j++)
            cothread_close(p.ends[j]);
    }
    return unused;
}

static void prepare(void) {
    int i;
    for (i = 0; i < (int)sizeof pattern; i++)
        pattern[i] = (char)(i % 97 == 0 ? '\n' : i * 7 + i / 256 == '\n' ? 'n' : i * 7 + i / 256);
    file = memfd_create("pattern", 0);
    expect(write(file, pattern, sizeof pattern), sizeof pattern);
}

#endif
