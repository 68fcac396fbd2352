/* What every test program needs. A test is a plain main: it exits at the first expectation that fails.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_H
#define TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cothread.h"

/* What sanitizers add in address space, time and frames hides some of what is tested. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* _exit: a failure may be found in a task or a thread, where exit would run handlers on the wrong stack. */
static inline void fail_at(const char *file, int line, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    _exit(1);
}

static inline void expect_at(const char *file, int line, const char *call, long long got, long long wanted) {
    if (got != wanted)
        fail_at(file, line, "%s gave %lld (%s), expected %lld (%s); last error: %s", call, got,
                got < 0 ? cothread_strerror((int)got) : "no code", wanted,
                wanted < 0 ? cothread_strerror((int)wanted) : "no code", cothread_last_error());
}
#define expect(call, value) expect_at(__FILE__, __LINE__, #call, (long long)(call), (long long)(value))

static inline cothread_handle handle_at(const char *file, int line, const char *call, cothread_handle got) {
    if (got <= 0)
        fail_at(file, line, "%s gave %lld (%s), expected a handle; last error: %s", call, (long long)got,
                cothread_strerror((int)got), cothread_last_error());
    return got;
}
#define handle(call) handle_at(__FILE__, __LINE__, #call, call)

/* The whole order is compared at the end: note("a%d", 0) ... expect_order("a0 b0 a1"). */
static char order[65536];
static size_t order_length;
static inline void note(const char *format, ...) {
    va_list arguments;
    if (order_length > 0)
        order[order_length++] = ' ';
    va_start(arguments, format);
    order_length += (size_t)vsnprintf(order + order_length, sizeof order - order_length - 1, format, arguments);
    va_end(arguments);
}
static inline void expect_order_at(const char *file, int line, const char *wanted) {
    if (strcmp(order, wanted) != 0)
        fail_at(file, line, "the order was \"%s\", expected \"%s\"", order, wanted);
    order_length = 0;
    order[0] = 0;
}
#define expect_order(wanted) expect_order_at(__FILE__, __LINE__, wanted)

#define spawn(function, argument) handle(cothread_spawn(function, argument, NULL))
#define join(task) expect(cothread_join(task, NULL, COTHREAD_FOREVER), 0)

/* Opens a local socket pair and adopts its first end. */
static inline cothread_handle adopted_pair(int fds[2]) {
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    return handle(cothread_adopt(fds[0], 0));
}

static inline cothread_stats statistics(cothread_handle scheduler) {
    cothread_stats stats;
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    expect(cothread_statistics(scheduler, &stats), 0);
    return stats;
}

/* The last line of a test: every task has ended and been joined, and destroy finds nothing to abandon. */
static inline int nothing_left_at(const char *file, int line) {
    cothread_handle scheduler = handle_at(file, line, "cothread_current()", cothread_current());
    cothread_stats stats = statistics(scheduler);
    expect_at(file, line, "tasks still ready", (long long)stats.tasks_ready, 0);
    expect_at(file, line, "tasks still waiting", (long long)stats.tasks_waiting, 0);
    expect_at(file, line, "tasks nobody joined", (long long)stats.tasks_ended, 0);
    expect_at(file, line, "cothread_destroy", cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    expect_at(file, line, "cothread_current() afterwards", cothread_current(), COTHREAD_ENOSCHEDULER);
    return 0;
}
#define nothing_left() nothing_left_at(__FILE__, __LINE__)

#endif
