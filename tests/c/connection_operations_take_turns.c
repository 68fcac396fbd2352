/* What one call writes is never torn, nor is what one call reads; and a stuck write keeps nobody from reading.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

enum { TASKS = 5, ROUNDS = 20, BLOCK = 20000 };
static cothread_handle ends[2];

static void *writes_blocks(void *mark) {
    static char blocks[TASKS][BLOCK];
    char *block = blocks[*(int *)mark];
    int i;
    memset(block, 'a' + *(int *)mark, BLOCK);
    for (i = 0; i < ROUNDS; i++)
        expect(cothread_connection_write(ends[0], block, BLOCK, NULL, COTHREAD_FOREVER), 0);
    return NULL;
}

static void *reads_blocks(void *unused) {
    char block[BLOCK];
    int i, j;
    for (i = 0; i < ROUNDS; i++) {
        expect(cothread_connection_read_exactly(ends[1], block, BLOCK, NULL, COTHREAD_FOREVER), 0);
        for (j = 1; j < BLOCK; j++)
            expect(block[j], block[0]);
    }
    return unused;
}

static void blocks_are_whole(void) {
    cothread_handle writers[TASKS], readers[TASKS];
    int marks[TASKS], i;
    connected(unix_pair, ends);
    for (i = 0; i < TASKS; i++) {
        marks[i] = i;
        writers[i] = spawn(writes_blocks, &marks[i]);
        readers[i] = spawn(reads_blocks, NULL);
    }
    for (i = 0; i < TASKS; i++) {
        join(writers[i]);
        join(readers[i]);
    }
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
}

static int stuck, finishes_now;
static void *is_stuck(void *unused) {
    static char much[4 << 20];
    size_t written;
    stuck = 1;
    expect(cothread_connection_write(ends[0], much, sizeof much, &written, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(written < sizeof much, 1);
    stuck = 0;
    return unused;
}

static void *waits_its_turn(void *connection) {
    size_t written = 9;
    note("waits");
    expect(cothread_connection_write(*(cothread_handle *)connection, "x", 1, &written, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_connection_write(*(cothread_handle *)connection, "x", 1, &written, cothread_after(1)), COTHREAD_ETIMEDOUT);
    expect(written, 0);
    finishes_now = 1;
    expect(cothread_connection_finish(*(cothread_handle *)connection, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("closed");
    return NULL;
}

static void reading_goes_on(void) {
    cothread_handle task, other;
    char byte;
    connected(tcp_pair, ends);
    task = spawn(is_stuck, NULL);
    expect(cothread_yield(), 0);
    expect(stuck, 1);
    other = spawn(waits_its_turn, &ends[0]);
    say(ends[1], "pq");
    expect(cothread_connection_read(ends[0], &byte, 1, COTHREAD_FOREVER), 1);
    expect(byte, 'p');
    expect(cothread_connection_read_until(ends[0], "q", 1, &byte, 1, COTHREAD_FOREVER), 1);
    while (!finishes_now)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(stuck, 1);
    expect(cothread_close(ends[0]), 0);
    join(task);
    join(other);
    expect(stuck, 0);
    expect_order("waits closed");
    expect(cothread_close(ends[1]), 0);
}

static void *writes_a_lot(void *unused) {
    static char much[300000];
    memset(much, 'm', sizeof much);
    expect(cothread_connection_write(ends[0], much, sizeof much, NULL, COTHREAD_FOREVER), 0);
    note("written");
    return unused;
}

static void *finishes(void *unused) {
    expect(cothread_connection_finish(ends[0], COTHREAD_FOREVER), 0);
    note("finished");
    return unused;
}

/* A finish comes behind the writes before it, though they are stuck. */
static void finish_loses_no_write(void) {
    cothread_handle tasks[2];
    static char in[70000];
    int64_t n, got = 0;
    int small = 4096, fds[2];
    unix_pair(fds);
    expect(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    ends[0] = connection_of(fds[0]);
    ends[1] = connection_of(fds[1]);
    tasks[0] = spawn(writes_a_lot, NULL);
    tasks[1] = spawn(finishes, NULL);
    while ((n = cothread_connection_read(ends[1], in, sizeof in, COTHREAD_FOREVER)) > 0)
        got += n;
    expect(n, 0);
    expect(got, 300000);
    join(tasks[0]);
    join(tasks[1]);
    expect_order("written finished");
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
}

int main(void) {
    handle(cothread_create(NULL));
    blocks_are_whole();
    reading_goes_on();
    finish_loses_no_write();
    return nothing_left();
}
