/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Go entered on a task's stack would look for its bounds in /proc/self/maps: from 31 us to 7 ms beside so many
 * mappings. The fastest of 200 calls takes 0.05 to 2 us, and is never slow because of what else the machine does. */
enum { TASKS = 10000, CALLS = 200, LIMIT = 20 * COTHREAD_MICROSECOND };
static cothread_handle gate;
static int fds[2];

static void *waits(void *unused) {
    expect(cothread_event_wait(gate, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *ends(void *unused) {
    return unused;
}

static int64_t yield(void) {
    return cothread_yield();
}

static int64_t sleep_until(void) {
    return cothread_sleep_until(COTHREAD_NOW);
}

static int64_t wait_fd(void) {
    return cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_NOW);
}

static int64_t wake_fd(void) {
    return cothread_wake_fd(fds[0]);
}

static int64_t takes_statistics(void) {
    cothread_stats stats = {.size = sizeof stats};
    return cothread_statistics(cothread_current(), &stats);
}

static int64_t spawn_and_detach(void) {
    return cothread_detach(cothread_spawn(ends, NULL, NULL));
}

static int64_t adopt_and_release(void) {
    return cothread_release(cothread_adopt(fds[0], 0)) - fds[0];
}

static const struct {
    const char *name;
    int64_t (*call)(void);
    int64_t answer;
} calls[] = {
    {"yield", yield, 0},
    {"sleep_until", sleep_until, 0},
    {"wait_fd", wait_fd, COTHREAD_ETIMEDOUT},
    {"wake_fd", wake_fd, 0},
    {"statistics", takes_statistics, 0},
    {"spawn and detach", spawn_and_detach, 0},
    {"adopt and release", adopt_and_release, 0},
};

static void *measures(void *unused) {
    size_t c;
    int i;
    for (c = 0; c < sizeof calls / sizeof *calls; c++) {
        int64_t best = INT64_MAX;
        for (i = 0; i < CALLS; i++) {
            int64_t begin = cothread_now();
            int64_t rc = calls[c].call();
            int64_t took = cothread_now() - begin;
            expect_at(__FILE__, __LINE__, calls[c].name, rc, calls[c].answer);
            if (took < best)
                best = took;
            expect(cothread_yield(), 0); /* what was spawned ends, and the next gets its stack */
        }
        if (best >= LIMIT)
            fail_at(__FILE__, __LINE__, "%s: the fastest of %d took %lld ns", calls[c].name, CALLS, (long long)best);
    }
    return unused;
}

int main(void) {
    static cothread_handle tasks[TASKS];
    int i;
    if (SANITIZED)
        return 0;
    handle(cothread_create(NULL));
    gate = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    expect(pipe(fds), 0);
    for (i = 0; i < TASKS; i++)
        tasks[i] = spawn(waits, NULL);
    join(spawn(measures, NULL));
    expect(cothread_event_signal(gate, NULL), TASKS);
    for (i = 0; i < TASKS; i++)
        join(tasks[i]);
    return nothing_left();
}
