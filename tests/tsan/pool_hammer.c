/* pool_hammer.c - many threads put work into pools and take it out again, and pools are closed meanwhile: nothing is lost,
 * nothing is done twice, no bound is exceeded, and idle threads end. Under ThreadSanitizer.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COTHREAD_FAILURES
#define COTHREAD_FAILURES /* system_held */
#endif
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/pool.h"
#include "../../system/system.h"

#define expect(got, wanted) expect_at(__LINE__, #got, (long long)(got), (long long)(wanted))
static void expect_at(int line, const char *what, long long got, long long wanted) {
    if (got == wanted)
        return;
    fprintf(stderr, "line %d: %s gave %lld, expected %lld\n", line, what, got, wanted);
    exit(1);
}

enum { PRODUCERS = 8, EACH = 500, ROUNDS = 20 };

struct piece {
    struct pool_work work;
    _Atomic int runs;
    int accepted, withdrawn;
};

static struct piece pieces[PRODUCERS][EACH];
static struct pool *pool;
static uint32_t bound;
static _Atomic int rooms, done;

static void run(struct pool_work *work) {
    ((struct piece *)work)->runs++;
    done++;
}

static void room(struct pool_work *taken) {
    (void)taken;
    rooms++;
}

/* Each puts its pieces in, waits for room now and then, and takes some back. */
static void *produce(void *number) {
    struct piece *own = pieces[(intptr_t)number];
    for (int i = 0; i < EACH; i++) {
        struct piece *piece = &own[i];
        piece->work.run = run;
        int rc, before = rooms;
        while ((rc = pool_put(pool, &piece->work, i % 3 ? POOL_OFFER : POOL_AWAIT)) == COTHREAD_EFULL) {
            if (i % 5 == 0)
                break;
            while (i % 3 == 0 && rooms == before)
                sched_yield(); /* told, or this hangs: another's telling ends it too */
            before = rooms;
        }
        piece->accepted = rc == 0;
        if (rc == 0 && i % 7 == 0)
            piece->withdrawn = pool_withdraw(pool, &piece->work);
        cothread_pool_stats stats;
        pool_statistics(pool, &stats);
        if (stats.depth > bound || stats.high_water > bound)
            expect(stats.high_water, bound);
    }
    pool_release(pool);
    return NULL;
}

/* settles waits for threads of pools to be done. */
static void settles(const _Atomic int *count, int wanted) {
    while (*count != wanted)
        sched_yield();
}

int main(void) {
    int64_t accepted = 0, withdrawn = 0;
    for (int round = 0; round < ROUNDS; round++) {
        static const uint32_t bounds[] = {1, 2, 7, 64};
        struct pool_settings settings = {.threads = 1 + (uint32_t)round % 5, .bound = bound = bounds[round % 4], .stack_size = 256 << 10, .room = room};
        pthread_t threads[PRODUCERS];
        cothread_pool_stats stats;
        int wanted = 0;
        pool = pool_open(&settings);
        expect(pool != NULL, 1);
        memset(pieces, 0, sizeof pieces);
        done = 0;
        for (intptr_t i = 0; i < PRODUCERS; i++) {
            pool_hold(pool);
            expect(pthread_create(&threads[i], NULL, produce, (void *)i), 0);
        }
        for (int i = 0; i < PRODUCERS; i++)
            pthread_join(threads[i], NULL);
        for (int p = 0; p < PRODUCERS; p++)
            for (int i = 0; i < EACH; i++) {
                wanted += pieces[p][i].accepted && !pieces[p][i].withdrawn;
                accepted += pieces[p][i].accepted;
                withdrawn += pieces[p][i].withdrawn;
            }
        if (round % 2) { /* closed with work in it */
            struct piece last[3] = {{.work.run = run}, {.work.run = run}, {.work.run = run}};
            pool_hold(pool);
            pool_close(pool);
            for (int i = 0; i < 3; i++)
                expect(pool_put(pool, &last[i].work, POOL_FORCE), 0);
            settles(&done, wanted + 3);
            pool_release(pool);
        } else {
            settles(&done, wanted);
            do {
                pool_statistics(pool, &stats);
                sched_yield();
            } while (stats.threads > 0); /* idle ones end */
            expect(stats.ended, (uint64_t)wanted);
            expect(stats.depth, 0);
            struct piece later = {.work.run = run};
            expect(pool_put(pool, &later.work, POOL_OFFER), 0); /* and others begin */
            settles(&done, wanted + 1);
            pool_close(pool);
        }
        for (int p = 0; p < PRODUCERS; p++)
            for (int i = 0; i < EACH; i++)
                expect(pieces[p][i].runs, pieces[p][i].accepted && !pieces[p][i].withdrawn);
    }
    while (system_held() > 0)
        sched_yield(); /* each pool is given back by its last thread */
    printf("%lld pieces of work accepted, %lld withdrawn\n", (long long)accepted, (long long)withdrawn);
    return 0;
}
