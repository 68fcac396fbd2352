/* Waits with deadlines that have passed, and with the last ones there are.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DEADLINES_H
#define DEADLINES_H

#include "test.h"

static const int64_t past[] = {COTHREAD_NOW, COTHREAD_NOW + 1, -1, 0, 1};
static const int64_t far[] = {COTHREAD_FOREVER - 1, COTHREAD_FOREVER};

/* A wait that nothing but its deadline or `serve` ends. */
typedef struct {
    const char *name;
    int64_t (*wait)(int64_t deadline);
    void (*serve)(void);
    int64_t served;
} row;

typedef struct {
    const row *row;
    int64_t deadline, answer;
} attempt;

static void *attempts(void *argument) {
    attempt *a = argument;
    expect_at(__FILE__, __LINE__, a->row->name, a->row->wait(a->deadline), a->answer);
    return NULL;
}

static void every_row(const row *rows, size_t count) {
    cothread_handle task;
    size_t r, i;
    for (r = 0; r < count; r++) {
        for (i = 0; i < sizeof past / sizeof *past; i++)
            join(spawn(attempts, (&(attempt){&rows[r], past[i], COTHREAD_ETIMEDOUT})));
        for (i = 0; i < sizeof far / sizeof *far; i++) {
            attempt a = {&rows[r], far[i], rows[r].served};
            task = spawn(attempts, &a);
            expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
            rows[r].serve();
            join(task);
        }
    }
}

#endif
