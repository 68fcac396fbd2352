/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <stdbool.h>
#include <sys/eventfd.h>
#include <time.h>

/* What a wait for a descriptor costs each of N tasks, as a ratio to what a deadline of its own
 * costs each of N tasks. It may not grow with N: while each wait looked at all the others, it was
 * 7.5 for 500 tasks and 164 for 20 000. The cheapest rounds count, and there are as many as it
 * takes. */
enum { FEW = 500, MANY = 20000, ALLOWED = 3 };

static int fd;
static int64_t deadline;

static void *waits(void *unused) {
    int found = cothread_wait_fd(fd, COTHREAD_READABLE, deadline);
    uint64_t unit;
    if (found > 0)
        expect(read(fd, &unit, sizeof unit), sizeof unit);
    return unused;
}

static void *sleeps(void *unused) {
    (void)cothread_sleep_until(deadline);
    return unused;
}

/* While a deadline is near the scheduler does not give back the stacks of the round before, which
 * would be counted. */
static void *keeps_stacks(void *unused) {
    while (cothread_sleep(50 * COTHREAD_MILLISECOND) == 0) {
    }
    return unused;
}

static void nothing(cothread_handle *tasks, int count) {
    (void)tasks, (void)count;
}

static void cancel_in_order(cothread_handle *tasks, int count) {
    for (int i = 0; i < count; i++)
        expect(cothread_cancel(tasks[i]), 0);
}

static void cancel_the_last_first(cothread_handle *tasks, int count) {
    while (count > 0)
        expect(cothread_cancel(tasks[--count]), 0);
}

static void close_it(cothread_handle *tasks, int count) {
    (void)tasks;
    expect(cothread_wake_fd(fd), count);
}

static void serve(cothread_handle *tasks, int count) {
    uint64_t units = (uint64_t)count;
    (void)tasks;
    expect(write(fd, &units, sizeof units), sizeof units);
}

static double processor_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns the processor time of each of `count` tasks that wait until `end` or `until` ends it. */
static double cost(int count, void *(*task)(void *), void (*end)(cothread_handle *, int),
                   int64_t until) {
    static cothread_handle tasks[MANY];
    double begin = processor_time();
    int i;
    deadline = until;
    for (i = 0; i < count; i++)
        tasks[i] = spawn(task, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);
    end(tasks, count);
    for (i = 0; i < count; i++)
        join(tasks[i]);
    return (processor_time() - begin) / count;
}

static const struct {
    const char *name;
    void (*end)(cothread_handle *, int);
    bool times_out;
} cases[] = {
    {"timed out", nothing, true},
    {"cancelled in order", cancel_in_order, false},
    {"cancelled, the last first", cancel_the_last_first, false},
    {"closed", close_it, false},
    {"served", serve, false},
};

static void cheapest(double *known, double now) {
    if (*known == 0 || now < *known)
        *known = now;
}

int main(void) {
    static const int counts[] = {FEW, MANY};
    cothread_handle keeper;
    if (SANITIZED)
        return 0;
    handle(cothread_create(NULL));
    keeper = spawn(keeps_stacks, NULL);
    fd = eventfd(0, EFD_SEMAPHORE);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double crowd[2] = {0}, control[2] = {0}, ratio[2];
        int64_t began = cothread_now();
        do {
            for (int i = 0; i < 2; i++) {
                int64_t until = cothread_after(COTHREAD_MILLISECOND);
                cheapest(&control[i], cost(counts[i], sleeps, nothing, until));
                until = cases[c].times_out ? cothread_after(COTHREAD_MILLISECOND) : COTHREAD_FOREVER;
                cheapest(&crowd[i], cost(counts[i], waits, cases[c].end, until));
                ratio[i] = crowd[i] / control[i];
            }
            if (cothread_now() - began > 10 * COTHREAD_SECOND)
                fail_at(__FILE__, __LINE__,
                        "%s: %.2f times the cost of a deadline with %d tasks, %.2f with %d",
                        cases[c].name, ratio[0], FEW, ratio[1], MANY);
        } while (ratio[1] > ALLOWED * ratio[0]);
    }
    expect(cothread_cancel(keeper), 0);
    join(keeper);
    close(fd);
    return nothing_left();
}
