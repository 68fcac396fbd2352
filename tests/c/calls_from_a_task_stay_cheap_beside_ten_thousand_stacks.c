/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>

/* Go entered on a task's stack would look for its bounds in /proc/self/maps: from 31 us to 7 ms beside so many
 * mappings. So the fastest of some calls, 0.05 to 2 us, must take less than the fastest look at that file's first page,
 * 9 us on the same machine. It is repeated until it does. */
enum { TASKS = 10000, CALLS = 200, ROUNDS = 50 };
static cothread_handle gate;
static int fds[2];

static void *waits(void *unused) {
    expect(cothread_event_wait(gate, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *ends(void *unused) {
    return unused;
}

static int64_t looks_at_maps(void) {
    char page[4096];
    int maps = open("/proc/self/maps", O_RDONLY);
    int64_t n = read(maps, page, sizeof page);
    close(maps);
    return n > 0;
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

static int64_t fastest(const char *name, int64_t (*call)(void), int64_t answer) {
    int64_t best = INT64_MAX;
    int i;
    for (i = 0; i < CALLS; i++) {
        int64_t begin = cothread_now();
        int64_t rc = call();
        int64_t took = cothread_now() - begin;
        expect_at(__FILE__, __LINE__, name, rc, answer);
        if (took < best)
            best = took;
        expect(cothread_yield(), 0); /* what was spawned ends, and the next gets its stack */
    }
    return best;
}

static void *measures(void *unused) {
    size_t c;
    for (c = 0; c < sizeof calls / sizeof *calls; c++) {
        int64_t best, control;
        int round = 0;
        do {
            best = fastest(calls[c].name, calls[c].call, calls[c].answer);
            control = fastest("the control", looks_at_maps, 1);
        } while (best >= control && ++round < ROUNDS);
        if (best >= control)
            fail_at(__FILE__, __LINE__, "%s: the fastest took %lld ns, a look at /proc/self/maps %lld", calls[c].name,
                    (long long)best, (long long)control);
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
