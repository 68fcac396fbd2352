/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"
#include "sanitizers.h"

#include <errno.h>
#include <stddef.h>

#include "../system/system.h"

_Static_assert(sizeof(struct queue_cell) == 32, "two cells to a line");
_Static_assert(sizeof(struct mailbox) == QUEUE_LINE, "one mailbox to a line");

#define load(p, order) atomic_load_explicit(p, memory_order_##order)
#define store(p, value, order) atomic_store_explicit(p, value, memory_order_##order)

struct claim {
    struct queue_cell *cell;
    uint64_t ticket;
    uint64_t wakes; /* not 0: taking this ticket ended the consumer's sleep */
};

/* The consumer's cache still has the line that the producers write next: it read it one lap ago.
 * Asking for it two lines early takes a post from 60 to 50 ns while a consumer on another core pops
 * in slices with a system call between them, from 68 to 63 while it does nothing but pop (1 M posts
 * of one thread, medians of 24 and more undisturbed runs; a line goes there and back in 130 ns).
 * __builtin_prefetch is not it on x86-64: without -mprfchw it fetches for reading, which makes it
 * 64 and 73. */
static void fetch_for_writing(const struct queue_cell *cell) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*cell));
#else
    __builtin_prefetch(cell, 1);
#endif
}

static struct queue_cell *cell_of(const struct queue *q, uint64_t ticket) {
    return &q->cells[ticket & (load(&q->bound, relaxed) - 1)];
}

/* ---- Producers ---- */

static int claim(struct queue *q, int64_t owner, struct claim *out) {
    uint64_t tail = load(&q->tail, acquire);
    for (;;) {
        if (tail & QUEUE_CLOSED || load(&q->owner, acquire) != owner)
            return COTHREAD_EDEAD;
        uint64_t ticket = tail & QUEUE_TICKET;
        uint64_t bound = load(&q->bound, acquire);
        if (ticket - load(&q->head_seen, acquire) >= bound) {
            uint64_t head = load(&q->head, acquire);
            if (ticket - head >= bound) {
                uint64_t again = load(&q->tail, acquire);
                if (again != tail) {
                    tail = again;
                    continue;
                }
                return COTHREAD_EFULL;
            }
            store(&q->head_seen, head, release);
        }
        if (atomic_compare_exchange_weak_explicit(&q->tail, &tail, ticket + 1, memory_order_acq_rel,
                                                  memory_order_acquire)) {
            out->ticket = ticket;
            out->cell = cell_of(q, ticket);
            out->wakes = tail & QUEUE_SLEEPING;
            fetch_for_writing(cell_of(q, ticket + 4));
            return 0;
        }
    }
}

static void wake(struct queue *q) {
    system_wake(load(&q->waker, relaxed));
}

/* `wakers` goes up before the ticket is published: queue_retire comes after every ticket was popped. */
static void publish(struct queue *q, const struct claim *c, enum published what) {
    c->cell->posted_ns = c->wakes || c->ticket % 32 == 0 ? system_now() : 0;
    if (c->wakes)
        atomic_fetch_add(&q->wakers, 1);
    happens_before(c->cell);
    store(&c->cell->sequence, 4 * c->ticket + what, release);
    if (c->wakes) {
        wake(q);
        atomic_fetch_sub(&q->wakers, 1);
    }
}

int queue_offer(struct queue *q, int64_t owner, cothread_callback callback, void *argument) {
    struct claim c;
    int code = claim(q, owner, &c);
    if (code == 0) {
        c.cell->callback = callback;
        c.cell->argument = argument;
        publish(q, &c, PUBLISHED_CALLBACK);
    }
    return code;
}

void queue_refuse(struct queue *q) {
    atomic_fetch_add_explicit(&q->refused, 1, memory_order_relaxed);
}

int queue_post(struct queue *q, int64_t owner, cothread_callback callback, void *argument) {
    int code = queue_offer(q, owner, callback, argument);
    if (code == COTHREAD_EFULL)
        queue_refuse(q);
    return code;
}

int queue_post_wait(struct queue *q, int64_t owner, cothread_callback callback, void *argument, int64_t deadline) {
    int code = queue_offer(q, owner, callback, argument);
    if (code != COTHREAD_EFULL)
        return code;
    int timed_out = 0;
    atomic_fetch_add(&q->waiters, 1);
    for (;;) {
        uint32_t seen = atomic_load(&q->room);
        code = queue_offer(q, owner, callback, argument);
        if (code != COTHREAD_EFULL || timed_out)
            break;
        timed_out = system_wait(&q->room, seen, deadline) == ETIMEDOUT;
    }
    atomic_fetch_sub(&q->waiters, 1);
    if (code == COTHREAD_EFULL) {
        queue_refuse(q);
        code = COTHREAD_ETIMEDOUT;
    }
    return code;
}

/* A read-modify-write even if nobody sleeps: it carries what the caller did before to a consumer
 * that sets the flag later. `wakers` goes up before it, so that queue_retire, which clears the flag
 * itself, sees each caller that found it. */
void queue_wake(struct queue *q) {
    atomic_fetch_add(&q->wakers, 1);
    if (atomic_fetch_and(&q->tail, ~QUEUE_SLEEPING) & QUEUE_SLEEPING)
        wake(q);
    atomic_fetch_sub(&q->wakers, 1);
}

/* ---- Consumer ---- */

void queue_popped(struct queue *q) {
    if (atomic_fetch_add(&q->waiters, 0) == 0)
        return;
    atomic_fetch_add(&q->room, 1);
    system_wake_all(&q->room);
}

uint64_t queue_room(const struct queue *q) {
    uint64_t pending = queue_pending(q), bound = load(&q->bound, relaxed);
    return pending < bound ? bound - pending : 0;
}

uint64_t queue_close(struct queue *q) {
    q->final = atomic_fetch_or(&q->tail, QUEUE_CLOSED) & QUEUE_TICKET;
    queue_popped(q);
    return q->final - load(&q->head, relaxed);
}

void queue_retire(struct queue *q) {
    atomic_fetch_and(&q->tail, ~QUEUE_SLEEPING);
    while (atomic_load(&q->wakers) != 0)
        system_let_others_run();
}

int queue_open(struct queue *q, int64_t owner, uint32_t bound, int waker) {
    struct queue_item dropped;
    uint64_t size = 1;
    while (size < bound)
        size *= 2;

    queue_close(q);
    if (q->cells != NULL)
        while (queue_pop(q, &dropped))
            ;
    if (q->capacity < size) {
        void *cells = system_reserve(size * sizeof *q->cells);
        if (cells == NULL)
            return COTHREAD_ENOMEM;
        if (q->cells != NULL)
            system_unreserve(q->cells, q->capacity * sizeof *q->cells);
        q->cells = cells;
        q->capacity = size;
    }
    uint64_t first = q->final + 1; /* above the tail that a late producer may have read */
    q->final = 0;
    store(&q->owner, owner, release);
    store(&q->bound, size, release);
    store(&q->head, first, release);
    store(&q->first, first, relaxed);
    store(&q->waker, waker, relaxed);
    store(&q->refused, 0, relaxed);
    store(&q->replaced, 0, relaxed);
    store(&q->withdrawn, 0, relaxed);
    store(&q->high_water, 0, relaxed);
    store(&q->skipped, 0, relaxed);
    for (int i = 0; i < 32; i++)
        store(&q->wait[i], 0, relaxed);
    store(&q->tail, first, release);
    return 0;
}

static void count(_Atomic uint64_t *counter) {
    store(counter, load(counter, relaxed) + 1, release);
}

/* What the ticket was published as; 0: it is not. */
static uint64_t published(const struct queue *q, uint64_t ticket) {
    uint64_t what = load(&cell_of(q, ticket)->sequence, acquire) - 4 * ticket;
    return what <= PUBLISHED_NOTHING ? what : 0;
}

/* The depth exceeds the mark when the cell that far ahead is published. Asking the cell leaves the
 * line of tail with the producers. */
static void look_at_depth(struct queue *q, uint64_t head) {
    uint64_t mark = load(&q->high_water, relaxed);
    if (mark < load(&q->bound, relaxed) && published(q, head + mark))
        store(&q->high_water, (load(&q->tail, relaxed) & QUEUE_TICKET) - head, relaxed);
}

static void record_wait(struct queue *q, int64_t posted_ns) {
    uint64_t ns = (uint64_t)(system_now() - posted_ns);
    int log2 = 63 - __builtin_clzll(ns | 1);
    count(&q->wait[log2 > 31 ? 31 : log2]);
}

/* Takes the value of a mailbox whose cell was popped; 0 if it was closed in between. Between the
 * load and the exchange posters may replace the value, but only this thread closes. */
static int take_mailbox(struct mailbox *l, struct queue_item *out) {
    if (atomic_load(&l->value) == (void *)&l->generation) {
        l->queued = 0;
        return 0;
    }
    out->callback = l->callback;
    out->token = l->token;
    out->argument = atomic_exchange(&l->value, (void *)&l->value);
    happens_after(l);
    out->kind = QUEUE_MAILBOX;
    return 1;
}

int queue_pop(struct queue *q, struct queue_item *out) {
    for (;;) {
        uint64_t head = load(&q->head, relaxed);
        uint64_t what = published(q, head);
        if (what == 0) {
            if (q->final <= head)
                return 0;
            system_let_others_run(); /* closed, and a producer is just publishing this ticket */
            continue;
        }
        look_at_depth(q, head);
        const struct queue_cell *cell = cell_of(q, head);
        happens_after(cell);
        int64_t posted_ns = cell->posted_ns;
        out->callback = cell->callback;
        out->argument = cell->argument;
        out->token = 0;
        out->kind = QUEUE_CALLBACK;
        store(&q->head, head + 1, release);
        if (what == PUBLISHED_CALLBACK || (what == PUBLISHED_MAILBOX && take_mailbox(out->argument, out))) {
            if (posted_ns != 0)
                record_wait(q, posted_ns);
            return 1;
        }
        count(&q->skipped);
    }
}

/* ---- Mailbox ---- */

void mailbox_open(struct mailbox *l, cothread_callback callback, uint64_t token) {
    l->callback = callback;
    l->token = token;
    l->queued = 0;
    atomic_store(&l->value, (void *)&l->value);
}

/* A poster counts itself in `users` and then looks at the generation; here the generation changes
 * and then mailbox_idle looks at `users`. All of it is sequentially consistent, so a poster that
 * mailbox_idle did not see sees the new generation and touches nothing else. */
int mailbox_close(struct mailbox *l) {
    atomic_fetch_add(&l->generation, 1);
    void *dropped = atomic_exchange(&l->value, (void *)&l->generation);
    l->queued = dropped != (void *)&l->value;
    return (int)l->queued;
}

int mailbox_idle(const struct mailbox *l) {
    return atomic_load(&l->users) == 0 && !l->queued;
}

/* Makes `value` the pending one. `*old` is what was seen last, and what it took the place of.
 * Returns 0 if closed, or if none is pending and `claimed` is 0: a cell must be claimed first, so
 * that a full queue leaves everything as it was. */
static int put_mailbox(struct mailbox *l, void *value, void **old, int claimed) {
    happens_before(l);
    *old = atomic_load(&l->value);
    do {
        if (*old == (void *)&l->generation || (*old == (void *)&l->value && !claimed))
            return 0;
    } while (!atomic_compare_exchange_weak(&l->value, old, value));
    return 1;
}

static int post_pinned(struct queue *q, int64_t owner, struct mailbox *l, void *value, void **old) {
    struct claim c;
    if (load(&q->tail, acquire) & QUEUE_CLOSED || load(&q->owner, acquire) != owner)
        return COTHREAD_EDEAD;
    if (put_mailbox(l, value, old, 0))
        return 1;
    if (*old == (void *)&l->generation)
        return COTHREAD_EHANDLE;
    int code = claim(q, owner, &c);
    if (code != 0)
        return code;
    if (put_mailbox(l, value, old, 1) && *old == (void *)&l->value) {
        c.cell->argument = l;
        publish(q, &c, PUBLISHED_MAILBOX);
        return 0;
    }
    atomic_fetch_add_explicit(&q->withdrawn, 1, memory_order_release);
    publish(q, &c, PUBLISHED_NOTHING);
    return *old == (void *)&l->generation ? COTHREAD_EHANDLE : 1;
}

int mailbox_post(struct queue *q, int64_t owner, struct mailbox *l, uint32_t generation, void *value, void **replaced) {
    void *old;
    int code = COTHREAD_EHANDLE;
    atomic_fetch_add(&l->users, 1);
    if (atomic_load(&l->generation) == generation)
        code = post_pinned(q, owner, l, value, &old);
    atomic_fetch_sub(&l->users, 1);
    if (code == COTHREAD_EFULL)
        queue_refuse(q);
    if (code == 1) {
        happens_after(l); /* of the post it took the place of */
        atomic_fetch_add_explicit(&q->replaced, 1, memory_order_relaxed);
        if (replaced != NULL)
            *replaced = old;
    }
    return code;
}

/* ---- Observers ---- */

uint64_t queue_pending(const struct queue *q) {
    uint64_t head = load(&q->head, acquire); /* before tail, so that tail is not behind it */
    uint64_t tail = load(&q->tail, acquire) & QUEUE_TICKET;
    return tail > head ? tail - head : 0;
}

void queue_statistics(const struct queue *q, cothread_stats *out) {
    uint64_t first = load(&q->first, relaxed);
    /* What is subtracted is read before what it is subtracted from. */
    uint64_t withdrawn = load(&q->withdrawn, acquire);
    uint64_t skipped = load(&q->skipped, acquire);
    uint64_t head = load(&q->head, acquire);
    uint64_t tail = load(&q->tail, acquire) & QUEUE_TICKET;
    uint64_t high_water = load(&q->high_water, relaxed);

    out->callback_bound = load(&q->bound, relaxed);
    out->callback_depth = tail > head ? tail - head : 0;
    out->callback_high_water = high_water > out->callback_depth ? high_water : out->callback_depth;
    out->callback_accepted = tail - first - withdrawn;
    out->callback_refused = load(&q->refused, relaxed);
    if (out->callback_refused > 0)
        out->callback_high_water = out->callback_bound;
    out->callback_replaced = load(&q->replaced, relaxed);
    out->callback_run = head - first - skipped;
    for (int i = 0; i < 32; i++)
        out->callback_wait[i] = load(&q->wait[i], relaxed);
}
