/* 100000 timers and as many jobs at a time, waited for by two tasks in waits of 50000 items: each is told once, and nothing stays.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"
#include "random.h"

enum { TASKS = 2, EACH = SANITIZED ? 2000 : 50000 };

static cothread_handle objects[TASKS][EACH];
static int told[TASKS][EACH];

/* Waits for what is left of a task's objects until nothing is; `check` looks at each that fired. */
static void until_all_are_told(int me, uint32_t kind, void (*check)(int me, int i, const cothread_item *item)) {
    cothread_item *items = calloc(EACH, sizeof *items);
    int left = EACH;
    expect(items != NULL, 1);
    for (int i = 0; i < EACH; i++)
        items[i] = (cothread_item){.kind = kind, .object = objects[me][i], .tag = (uint64_t)i};
    while (left > 0) {
        int fired = cothread_wait(items, sizeof *items, (size_t)left, COTHREAD_FOREVER, 0), kept = 0;
        expect(fired > 0, 1);
        for (int i = 0; i < left; i++) {
            if (items[i].fired) {
                fired--;
                expect(told[me][items[i].tag]++, 0);
                check(me, (int)items[i].tag, &items[i]);
            } else {
                items[kept++] = items[i];
            }
        }
        expect(fired, 0);
        left = kept;
    }
    free(items);
}

static void of_a_timer(int me, int i, const cothread_item *item) {
    expect(item->result, 1);
    expect((int64_t)item->value <= cothread_now(), 1);
    expect(cothread_close(objects[me][i]), 0);
}

static void of_a_job(int me, int i, const cothread_item *item) {
    expect(item->value, me * EACH + i);
    expect(cothread_close(objects[me][i]), 0);
}

static void *waits_for_timers(void *me) {
    until_all_are_told((int)(intptr_t)me, COTHREAD_ITEM_TIMER, of_a_timer);
    return NULL;
}

static void *waits_for_jobs(void *me) {
    until_all_are_told((int)(intptr_t)me, COTHREAD_ITEM_JOB, of_a_job);
    return NULL;
}

static void both(cothread_function function) {
    cothread_handle tasks[TASKS];
    for (intptr_t me = 0; me < TASKS; me++)
        tasks[me] = spawn(function, (void *)me);
    for (int me = 0; me < TASKS; me++)
        join(tasks[me]);
}

int main(void) {
    cothread_handle pool, scheduler = handle(cothread_create(NULL));
    int64_t now = cothread_now();
    for (int me = 0; me < TASKS; me++)
        for (int i = 0; i < EACH; i++) {
            objects[me][i] = handle(cothread_timer_create(0));
            expect(cothread_timer_set(objects[me][i], now + (int64_t)below(50 * (uint64_t)COTHREAD_MILLISECOND), 0), 0);
        }
    expect(statistics(scheduler).timers, TASKS * EACH);
    both(waits_for_timers);
    expect(statistics(scheduler).timers, 0);

    pool = pool_of(4, 1 << 17);
    memset(told, 0, sizeof told);
    for (int me = 0; me < TASKS; me++)
        for (int i = 0; i < EACH; i++) {
            cothread_job job = JOB(labs, COTHREAD_TYPE_LONG, LONG(-(me * EACH + i)));
            objects[me][i] = handle(cothread_job_start(pool, &job, COTHREAD_NOW));
        }
    both(waits_for_jobs);
    expect(statistics(scheduler).jobs, 0);
    expect(pool_statistics(pool).ended, TASKS * EACH);
    expect(pool_statistics(pool).refused, 0);
    expect(cothread_close(pool), 0);
    return nothing_left();
}
