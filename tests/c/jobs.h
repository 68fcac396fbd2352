/* What tests of jobs share: jobs in one line, and calls that stay in a pool until they are let go.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef JOBS_H
#define JOBS_H

#include "test.h"

#include <semaphore.h>
#include <stdatomic.h>

#define INT(n) {COTHREAD_TYPE_INT, 0, {.integer = (n)}}
#define LONG(n) {COTHREAD_TYPE_LONG, 0, {.integer = (n)}}
#define POINTER(p) {COTHREAD_TYPE_POINTER, 0, {.pointer = (void *)(uintptr_t)(p)}}
#define DOUBLE(d) {COTHREAD_TYPE_DOUBLE, 0, {.number = (d)}}
#define IN(p, n) {COTHREAD_TYPE_IN, (uint32_t)(n), {.pointer = (void *)(uintptr_t)(p)}}
#define OUT(p, n) {COTHREAD_TYPE_OUT, (uint32_t)(n), {.pointer = (p)}}
#define IN_OUT(p, n) {COTHREAD_TYPE_IN_OUT, (uint32_t)(n), {.pointer = (p)}}

/* JOB(function, result's type, arguments...): one argument at least. */
#define JOB(f, result_type, ...)                                                                                \
    ((cothread_job){.size = sizeof(cothread_job), .function = (cothread_job_function)(f), .type = (result_type), \
                    .arguments = (const cothread_argument[]){__VA_ARGS__},                                       \
                    .count = sizeof((const cothread_argument[]){__VA_ARGS__}) / sizeof(cothread_argument)})

/* A gate: calls of pass() wait there. */
typedef struct {
    sem_t opened;
    _Atomic int inside, through;
} gate;

static inline void shut(gate *g) {
    sem_init(&g->opened, 0, 0);
    g->inside = g->through = 0;
}

static inline int64_t pass(gate *g) {
    g->inside++;
    while (sem_wait(&g->opened) != 0)
        ;
    return ++g->through;
}

static inline void let_go(gate *g, int count) {
    for (int i = 0; i < count; i++)
        sem_post(&g->opened);
}

/* Runs the other tasks until a condition holds that threads make true. */
#define until(condition)                                  \
    do {                                                  \
        while (!(condition))                              \
            expect(cothread_sleep(50 * COTHREAD_MICROSECOND), 0); \
    } while (0)

static inline cothread_pool_stats pool_statistics(cothread_handle pool) {
    cothread_pool_stats stats = {.size = sizeof stats};
    expect(cothread_pool_statistics(pool, &stats), 0);
    return stats;
}

static inline cothread_handle pool_of(uint32_t threads, uint32_t bound) {
    cothread_pool_options options = {.size = sizeof options, .threads = threads, .bound = bound};
    return handle(cothread_pool_create(&options));
}

#endif
