/* Tasks offload, start, give up, cancel and close at random, in pools of several sizes, some of which are closed meanwhile, and a
 * scheduler ends in the middle of it. Every call that was made gave its result to one who took it, or to `drop`: once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"
#include "threads.h"

enum { TASKS = 24, TURNS = 150, POOLS = 3, CALLS = 1 << 16 };
static _Atomic unsigned char returned[CALLS], dropped[CALLS];
static unsigned char taken[CALLS];
static int64_t next_call;
static int ended;
static cothread_handle pools[POOLS], tasks[TASKS];

static uint32_t random_number(uint32_t below) { /* the same in every run, but for who comes when */
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

static int64_t work(int64_t call, int us, double unused, const int64_t *copy) {
    (void)unused;
    if (us)
        usleep((useconds_t)us);
    expect(*copy, call);
    returned[call]++;
    return call;
}

static void drop(int64_t call) {
    dropped[call]++;
}

static void turn(void) {
    int64_t call = next_call++;
    int us = random_number(3) ? (int)random_number(300) : 0;
    cothread_handle pool = pools[random_number(POOLS)];
    cothread_job job = JOB(work, COTHREAD_TYPE_LONG, LONG(call), INT(us), DOUBLE(1), IN(&call, sizeof call));
    int64_t deadline = random_number(2) ? COTHREAD_FOREVER : cothread_after(random_number(400) * COTHREAD_MICROSECOND);
    job.flags = random_number(2) ? COTHREAD_OWNS_MEMORY : 0;
    job.drop = drop;
    if (random_number(2)) {
        int rc = cothread_offload(pool, &job, deadline);
        if (rc >= 0) {
            expect(job.result.integer, call);
            taken[call]++;
        }
        return;
    }
    cothread_handle started = cothread_job_start(pool, &job, deadline);
    if (started < 0)
        return;
    cothread_item item = {.kind = COTHREAD_ITEM_JOB, .object = started};
    if (random_number(4) && cothread_wait(&item, sizeof item, 1, deadline, 0) == 1 && item.result >= 0) {
        expect((int64_t)item.value, call);
        if (random_number(2)) {
            expect(cothread_job_result(started, &job), 0);
            expect(job.result.integer, call);
            taken[call]++;
        }
    }
    int rc, was = cothread_shield(1);
    while ((rc = cothread_close(started)) == COTHREAD_EBUSY)
        expect(cothread_sleep(20 * COTHREAD_MICROSECOND), 0);
    expect(rc, 0);
    cothread_shield(was);
}

static void *turns(void *unused) {
    for (int i = 0; i < TURNS; i++) {
        turn();
        if (random_number(16) == 0)
            cothread_cancel(tasks[random_number(TASKS)]);
        if (random_number(64) == 0) {
            cothread_handle *pool = &pools[random_number(POOLS)];
            expect(cothread_close(*pool), 0);
            *pool = pool_of(1 + random_number(4), 1 + random_number(6));
        }
        if (cothread_yield() == COTHREAD_ECANCELED && random_number(3) == 0)
            break; /* a cancelled task makes no call any more */
    }
    ended++;
    return unused;
}

static void *starts(void *unused) { /* a cancelled task leaves its place to a new one */
    for (int i = 0; i < 20; i++)
        for (int t = 0; t < TASKS; t++) {
            if (cothread_join(tasks[t], NULL, COTHREAD_FOREVER) == COTHREAD_ECANCELED)
                return unused; /* the scheduler ends */
            tasks[t] = spawn(turns, NULL);
        }
    return unused;
}

static int unaccounted(void) { /* a thread that was made a moment ago is not known as a pool's yet */
    for (int i = 0; i < next_call; i++)
        if (taken[i] + dropped[i] != returned[i])
            return 1;
    return 0;
}

int main(void) {
    int calls = 0, drops = 0;
    for (int round = 0; round < 3; round++) {
        cothread_handle scheduler = handle(cothread_create(NULL));
        for (int i = 0; i < POOLS; i++)
            pools[i] = pool_of(1 + random_number(4), 1 + random_number(6));
        for (int i = 0; i < TASKS; i++)
            tasks[i] = spawn(turns, NULL);
        cothread_handle starter = spawn(starts, NULL);
        if (round == 2) {
            int enough = ended + 5 * TASKS;
            until(ended >= enough);
        } else {
            join(starter);
            for (int i = 0; i < TASKS; i++)
                join(tasks[i]);
        }
        expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    }
    threads_of_pools_end();
    for (int ms = 0; ms < 30000 && unaccounted(); ms++)
        usleep(1000);
    expect(next_call < CALLS, 1);
    for (int i = 0; i < next_call; i++) {
        calls += returned[i];
        drops += dropped[i];
        if (returned[i] > 1 || taken[i] + dropped[i] != returned[i])
            fail_at(__FILE__, __LINE__, "call %d returned %d times, was taken %d times and dropped %d times", i, returned[i], taken[i], dropped[i]);
    }
    printf("%d calls of %lld made, %d results dropped\n", calls, (long long)next_call, drops);
    expect(calls > 1000 && drops > 10, 1);
    return 0;
}
