/* pool.c - see pool.h.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "../callback/sanitizers.h"
#include "../system/process.h"
#include "../system/system.h"

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* work was put in, or the pool was closed */
    struct pool_settings settings;
    struct pool_work *first, *last;
    uint32_t depth;
    uint32_t threads;
    uint32_t idle;  /* threads that sleep, those included that were woken and did not run yet */
    bool awaited;   /* somebody waits for room */
    bool closed;
    uint64_t put, begun, ended, withdrawn, high_water;
    uint64_t wait[32];
    _Atomic uint32_t holders;
};

struct pool *pool_open(const struct pool_settings *settings)
{
    pthread_condattr_t attributes;
    struct pool *pool = system_allocate(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->settings = *settings;
    pool->holders = 1;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return pool;
}

void pool_hold(struct pool *pool)
{
    atomic_fetch_add(&pool->holders, 1);
}

void pool_release(struct pool *pool)
{
    happens_before(pool);
    if (atomic_fetch_sub(&pool->holders, 1) != 1)
        return;
    happens_after(pool);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    system_free(pool);
}

static void append(struct pool *pool, struct pool_work *work)
{
    work->next = NULL;
    work->previous = pool->last;
    if (pool->last)
        pool->last->next = work;
    else
        pool->first = work;
    pool->last = work;
    pool->depth++;
}

static void unlink_work(struct pool *pool, struct pool_work *work)
{
    if (work->previous)
        work->previous->next = work->next;
    else
        pool->first = work->next;
    if (work->next)
        work->next->previous = work->previous;
    else
        pool->last = work->previous;
    work->put_ns = 0; /* no longer queued */
    pool->depth--;
}

/* take returns whether somebody is to be told that there is room. */
static bool take(struct pool *pool, struct pool_work *work)
{
    bool awaited = pool->awaited;
    unlink_work(pool, work);
    pool->awaited = false;
    return awaited;
}

/* ---- A thread ---------------------------------------------------------------------------------------- */

/* wait_for_work returns false if the thread is to end. With the lock held. */
static bool wait_for_work(struct pool *pool)
{
    int64_t until = system_now() + POOL_IDLE;
    struct timespec limit = {until / COTHREAD_SECOND, until % COTHREAD_SECOND};
    int rc = 0;
    pool->idle++;
    while (!pool->first && !pool->closed && rc == 0)
        rc = pthread_cond_timedwait(&pool->changed, &pool->lock, &limit);
    pool->idle--;
    return pool->first != NULL;
}

static void *thread(void *argument)
{
    struct pool *pool = argument;
    process_name_thread("cothread-pool");
    pthread_mutex_lock(&pool->lock);
    while (pool->first || wait_for_work(pool)) {
        struct pool_work *work = pool->first;
        uint64_t ns = (uint64_t)(system_now() - work->put_ns);
        int log2 = 63 - __builtin_clzll(ns | 1);
        pool->wait[log2 > 31 ? 31 : log2]++;
        pool->begun++;
        bool awaited = take(pool, work);
        pthread_mutex_unlock(&pool->lock);
        if (awaited)
            pool->settings.room(work);
        work->run(work);
        pthread_mutex_lock(&pool->lock);
        pool->ended++;
    }
    pool->threads--;
    pthread_mutex_unlock(&pool->lock);
    pool_release(pool);
    return NULL;
}

/* ---- Its owner --------------------------------------------------------------------------------------- */

/* With the lock held: whoever puts work in knows whether somebody will do it. */
static bool make_thread(struct pool *pool)
{
    pool_hold(pool);
    if (process_make_thread(thread, pool, pool->settings.stack_size) != 0) {
        atomic_fetch_sub(&pool->holders, 1); /* the caller holds it too */
        return false;
    }
    pool->threads++;
    return true;
}

int pool_put(struct pool *pool, struct pool_work *work, enum pool_put how)
{
    int rc = 0;
    pthread_mutex_lock(&pool->lock);
    if (pool->depth >= pool->settings.bound && how != POOL_FORCE) {
        pool->awaited |= how == POOL_AWAIT;
        pthread_mutex_unlock(&pool->lock);
        return COTHREAD_EFULL;
    }
    work->put_ns = system_now();
    append(pool, work);
    if (pool->depth > pool->idle && pool->threads < pool->settings.threads && !make_thread(pool) && pool->threads == 0) {
        unlink_work(pool, work);
        rc = COTHREAD_ELIMIT;
    } else {
        pool->put++;
        if (pool->depth > pool->high_water)
            pool->high_water = pool->depth;
    }
    bool sleepers = pool->idle > 0;
    pthread_mutex_unlock(&pool->lock);
    if (sleepers && rc == 0)
        pthread_cond_signal(&pool->changed);
    return rc;
}

bool pool_withdraw(struct pool *pool, struct pool_work *work)
{
    pthread_mutex_lock(&pool->lock);
    bool queued = work->put_ns != 0, awaited = queued && take(pool, work);
    pool->withdrawn += queued;
    pthread_mutex_unlock(&pool->lock);
    if (awaited)
        pool->settings.room(work);
    return queued;
}

void pool_close(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_broadcast(&pool->changed);
    pool_release(pool);
}

void pool_statistics(struct pool *pool, cothread_pool_stats *out)
{
    pthread_mutex_lock(&pool->lock);
    out->threads = pool->threads;
    out->idle = pool->idle;
    out->bound = pool->settings.bound;
    out->depth = pool->depth;
    out->high_water = pool->high_water;
    out->accepted = pool->put;
    out->withdrawn = pool->withdrawn;
    out->started = pool->begun;
    out->ended = pool->ended;
    for (int i = 0; i < 32; i++)
        out->wait[i] = pool->wait[i];
    pthread_mutex_unlock(&pool->lock);
}
