/* pool.h - threads that do what may block, so that a scheduler's thread does not.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A pool has a queue of work with a bound, and threads up to a limit. They are made when work is put in
 * that no idle one can take, and end when they were idle for POOL_IDLE, so a pool that has nothing to do
 * has no thread. No two pools share anything: work that is stuck in one delays none in another.
 *
 * A pool lives as long as somebody holds it: its owner until pool_close, each of its threads, and
 * whoever called pool_hold. So its owner may go while a call is stuck, without waiting for it. Work that
 * was put in before is still done. The memory of a struct pool_work belongs to the pool from pool_put until
 * `run` is called or pool_withdraw returns true; `run` may free it.
 *
 * In its threads every signal is blocked but those of faults, which are met by the handlers of the
 * process: a signal for the process is never delivered to a thread of a pool, nor does it end a
 * system call there. The threads are detached; the end of the process ends them wherever they are.
 *
 * One mutex guards all of a pool. It is held for some ten instructions, and for the making of a thread.
 */
#ifndef JOBS_POOL_H
#define JOBS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../cothread.h"

struct pool;

struct pool_work {
    struct pool_work *next, *previous;
    void (*run)(struct pool_work *work); /* on a thread of the pool */
    int64_t put_ns;
};

struct pool_settings {
    uint32_t threads; /* at most; 1 or more */
    uint32_t bound;   /* work not begun; 1 or more */
    size_t stack_size;
    void (*room)(struct pool_work *taken); /* see POOL_AWAIT; by whoever took this out of the queue, at once */
};

/* pool_open returns a pool without a thread, held by its owner; NULL: there is no memory. */
struct pool *pool_open(const struct pool_settings *settings);

enum pool_put {
    POOL_OFFER, /* no more than the bound */
    POOL_AWAIT, /* likewise; if it is full, `room` will be called once when work was taken out */
    POOL_FORCE, /* whatever the bound says, and also after pool_close */
};

/* pool_put appends work to the queue. Returns 0; COTHREAD_EFULL; or COTHREAD_ELIMIT: the pool has no
 * thread, and none can be made. If it has one, work waits for it where no second one can be made. The
 * caller holds the pool. */
int pool_put(struct pool *pool, struct pool_work *work, enum pool_put how);

/* pool_withdraw takes work out of the queue again; false: a thread has it, or had it. The caller knows
 * that `run` has not freed it. */
bool pool_withdraw(struct pool *pool, struct pool_work *work);

/* pool_close ends the owner's hold. Returns at once; idle threads end, the others when nothing is queued. */
void pool_close(struct pool *pool);

void pool_hold(struct pool *pool);
void pool_release(struct pool *pool);

/* pool_statistics fills in all but `size` and `refused`. */
void pool_statistics(struct pool *pool, cothread_pool_stats *out);

#ifndef POOL_IDLE
/* A thread costs 25 us to make and 9 KB while it sleeps: 10 s of these are dear to nobody. */
#define POOL_IDLE (10 * COTHREAD_SECOND)
#endif

#endif
