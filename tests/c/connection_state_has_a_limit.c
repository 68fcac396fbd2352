/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static cothread_handle ends[2];
static char much[64 << 20]; /* more than the system buffers */

static void observe(cothread_handle connection, int from, int to, void *name) {
    (void)connection;
    note("%s%d%d", (char *)name, from, to);
}

static void *reads(void *unused) {
    expect(cothread_connection_read(ends[0], much, 1, COTHREAD_FOREVER), COTHREAD_ETIMEDOUT);
    expect(strstr(cothread_last_error(), "limit") != NULL, 1);
    note("reader");
    return unused;
}

static void *writes(void *unused) {
    size_t written;
    expect(cothread_connection_write(ends[0], much, sizeof much, &written, COTHREAD_FOREVER), COTHREAD_ETIMEDOUT);
    expect(written < sizeof much, 1);
    return unused;
}

static void *waits_its_turn(void *unused) {
    expect(cothread_connection_write(ends[0], much, 1, NULL, COTHREAD_FOREVER), COTHREAD_ESTATE);
    return unused;
}

static void *waits_among_other_things(void *unused) {
    cothread_item item = {.kind = COTHREAD_ITEM_CONNECTION, .want = COTHREAD_READABLE, .object = ends[0]};
    expect(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), 1);
    expect(item.result, COTHREAD_ERROR);
    return unused;
}

/* Set while tasks wait without a deadline: all of them learn of it. */
static void limit_ends_the_waits_under_way(void) {
    cothread_handle tasks[4];
    int i;
    connected(tcp_pair, ends);
    expect(cothread_connection_observe(ends[0], observe, "a"), 0);
    tasks[0] = spawn(reads, NULL);
    tasks[1] = spawn(writes, NULL);
    tasks[2] = spawn(waits_its_turn, NULL);
    tasks[3] = spawn(waits_among_other_things, NULL);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_INPUT_ENDED, 1), 0); /* another state's */
    expect(cothread_yield(), 0);
    expect(cothread_connection_state(ends[0]), COTHREAD_STATE_OPEN);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_OPEN, COTHREAD_MILLISECOND), 0);
    for (i = 0; i < 4; i++)
        join(tasks[i]);
    expect(cothread_connection_state(ends[0]), COTHREAD_STATE_FAILED);
    expect(cothread_close(ends[0]), 0);
    expect_order("a38 reader a87");
    expect(cothread_close(ends[1]), 0);
}

/* Nobody waits: the next call finds it. What had arrived can be read. */
static void limit_is_found_by_the_next_call(void) {
    cothread_connection_options options = {.size = sizeof options, .observer = observe, .argument = "b"};
    int fds[2];
    options.limits[COTHREAD_STATE_OPEN] = 1;
    tcp_pair(fds);
    expect(send(fds[1], "late", 4, 0), 4);
    ends[0] = handle(cothread_connection_adopt(fds[0], "be", 2, &options));
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(cothread_connection_write(ends[0], "x", 1, NULL, COTHREAD_FOREVER), COTHREAD_ETIMEDOUT);
    expect(cothread_connection_write(ends[0], "x", 1, NULL, COTHREAD_FOREVER), COTHREAD_ESTATE);
    expect(errno, ETIMEDOUT);
    expect(cothread_connection_read(ends[0], much, 10, COTHREAD_FOREVER), 2);
    expect(cothread_connection_read(ends[0], much, 10, COTHREAD_FOREVER), 4);
    expect(cothread_connection_read(ends[0], much, 10, COTHREAD_FOREVER), COTHREAD_ESTATE);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0);
    close(fds[1]);
    expect_order("b03 b38 b87");
}

/* A state that begins while a task waits brings its own limit. */
static void next_state_has_its_own(void) {
    cothread_handle task;
    connected(tcp_pair, ends);
    expect(cothread_connection_observe(ends[0], observe, "c"), 0);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_OUTPUT_ENDED, COTHREAD_MILLISECOND), 0);
    task = spawn(reads, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_connection_finish(ends[0], COTHREAD_FOREVER), 0);
    join(task);
    expect_order("c35 c58 reader");
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
    expect_order("c87");
}

/* A limit that is taken back while a task waits does not end its wait. */
static void *reads_a_byte(void *unused) {
    expect(cothread_connection_read(ends[0], much, 1, COTHREAD_FOREVER), 1);
    return unused;
}

static void limit_can_be_taken_back(void) {
    cothread_handle task;
    connected(unix_pair, ends);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_OPEN, 2 * COTHREAD_MILLISECOND), 0);
    task = spawn(reads_a_byte, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_OPEN, COTHREAD_FOREVER), 0);
    expect(cothread_sleep(5 * COTHREAD_MILLISECOND), 0);
    say(ends[1], "x");
    join(task);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_CLOSED, 1), COTHREAD_EINVAL);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_OPEN, -1), COTHREAD_EINVAL);
    expect(cothread_connection_limit(ends[0], 10, 1), COTHREAD_EINVAL);
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
}

/* In each state that has both ends: its own limit makes the connection fail, and no other state's does. */
static void each_state_has_its_own(void) {
    static const int states[] = {COTHREAD_STATE_OPEN, COTHREAD_STATE_INPUT_ENDED, COTHREAD_STATE_OUTPUT_ENDED, COTHREAD_STATE_CLOSING};
    int in, of;
    for (in = 0; in < 4; in++)
        for (of = 0; of < 4; of++) {
            connected(tcp_pair, ends);
            if (in & 1) {
                expect(cothread_connection_finish(ends[1], COTHREAD_FOREVER), 0);
                expect(cothread_connection_read(ends[0], much, 1, COTHREAD_FOREVER), 0);
            }
            if (in & 2)
                expect(cothread_connection_finish(ends[0], COTHREAD_FOREVER), 0);
            expect(cothread_connection_state(ends[0]), states[in]);
            expect(cothread_connection_limit(ends[0], states[of], 1), 0);
            expect(cothread_sleep(COTHREAD_MICROSECOND), 0);
            expect(cothread_connection_state(ends[0]), in == of ? COTHREAD_STATE_FAILED : states[in]);
            expect(cothread_close(ends[0]), 0);
            expect(cothread_close(ends[1]), 0);
        }
    connected(tcp_pair, ends); /* of one that still writes, while it does */
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_INPUT_ENDED, COTHREAD_MILLISECOND), 0);
    expect(cothread_connection_finish(ends[1], COTHREAD_FOREVER), 0);
    expect(cothread_connection_read(ends[0], much, 1, COTHREAD_FOREVER), 0);
    join(spawn(writes, NULL));
    expect(cothread_connection_state(ends[0]), COTHREAD_STATE_FAILED);
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
}

int main(void) {
    handle(cothread_create(NULL));
    limit_ends_the_waits_under_way();
    limit_is_found_by_the_next_call();
    next_state_has_its_own();
    each_state_has_its_own();
    limit_can_be_taken_back();
    return nothing_left();
}
