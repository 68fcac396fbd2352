/* The bounded queue through which other threads and signal handlers hand callbacks to a scheduler.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Producers are many and may be signal handlers; the consumer is the scheduler's thread. No lock: a
 * producer that is stopped anywhere hinders no other producer. FIFO per producer.
 *
 * The memory of a struct queue is never unmapped: it starts as zeros, is opened and closed by one
 * scheduler after the other, and a producer may arrive with the handle of one that is long gone.
 *
 * TICKETS
 * `tail` is the next ticket and two flags: closed and sleeping. The ticket never goes back, not even when the
 * queue is opened again: opening starts above every ticket that was ever current, and above 0. `head` is
 * the next ticket to pop. A ticket's cell is cells[ticket % bound], and the cell holds it when its sequence is
 * 4 * ticket + 1, 2 or 3 (enum published). So neither zeroed cells nor what an earlier owner left can be
 * mistaken for a callback, and opening initialises no cell; and the consumer never writes one: a cell's
 * line travels to it and back once, not twice.
 *
 * POSTING WITHOUT A PIN
 * A producer
 *   1. reads tail (acquire), the ticket being t; closed: EDEAD
 *   2. reads owner; not his scheduler: EDEAD
 *   3. reads bound and head (acquire); t - head >= bound: full if tail is the same still, else again from 1
 *   4. compare-and-swaps tail from what 1 read to t + 1 (acquire, release); failed: again from 1
 *   5. writes the cell, then its sequence (release): published.
 * Suppose 4 succeeds. Then the ticket was t, and not closed, from 1 to 4: no ticket returns. What 2 and 3
 * read is at least what the opening before t wrote, for 1 acquired it: every later change of tail is a
 * read-modify-write, so 1 read from the release sequence of that opening. And it is not newer: a
 * later opening follows a closing whose read-modify-write of tail comes after 4 in tail's order and
 * acquires it, so what the later opening writes cannot be read before 4. So owner and bound are those of t.
 * There is room: head only grows, so t - head < bound still. The cell's last ticket t - bound is below
 * head, and the consumer let head pass it (release) after reading the cell.
 * And `cells` stays what it is until 5: the consumer is not done with a closed queue before it has popped
 * every ticket below the final tail, and only then may the next opening replace the cells. Nobody touches a
 * cell without a ticket for it; so a late producer touches the struct queue, never an old mapping.
 * The answer "full" needs the second look at tail: head and bound may be those of another opening. They
 * were written with release after tail had changed, so a reader of them sees that change.
 * `head_seen` is a head some producer saw: as long as it leaves room, nobody has to fetch the consumer's line.
 *
 * SLEEPING
 * The consumer sets the flag QUEUE_SLEEPING in tail and may sleep if the ticket in that same word is head: no
 * ticket is out. The next ticket is then taken from a word with the flag; taking it clears the flag, and the one that
 * cleared it wakes once the ticket is published. So the flag and the tickets have one order without any
 * fence, many posts cost one wake, and a post to a consumer that is awake is one locked instruction.
 * If a ticket is out the consumer stays awake. Not published yet, that is a matter of nanoseconds, unless
 * its producer lost the processor; Queue.PrepareSleep gives it a chance to run.
 *
 * ROOM
 * A waiter adds itself to `waiters`, remembers `room`, tries again, and sleeps while `room` is unchanged. The
 * consumer, after popping, adds 0 to `waiters`: a read-modify-write in place of a full fence. Either it
 * comes first: then the waiter's own addition acquires it, and the second try sees the new head. Or
 * the waiter comes first: then the consumer sees a waiter, changes `room` and wakes. The waiter remembered
 * either the old `room` (and does not sleep, or is woken) or the new one (and acquired the new head with it).
 */
#ifndef CALLBACK_QUEUE_H
#define CALLBACK_QUEUE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "../cothread.h"

#define QUEUE_CLOSED (UINT64_C(1) << 63)
#define QUEUE_SLEEPING (UINT64_C(1) << 62) /* the consumer sleeps, or is about to, and wants to be woken */
#define QUEUE_TICKET (QUEUE_SLEEPING - 1)
#define QUEUE_LINE 64 /* bytes of a cache line */

struct queue_cell {
    _Atomic uint64_t sequence;  /* 4 * ticket + enum published */
    cothread_callback callback; /* a callback's function; NULL: for the host */
    void *argument;             /* a callback's argument, or the struct mailbox */
    int64_t posted_ns;          /* when it was posted; 0: not sampled */
};

enum published { PUBLISHED_CALLBACK = 1, PUBLISHED_MAILBOX, PUBLISHED_NOTHING };

struct queue {
    /* Written by open. Read by every post. */
    alignas(QUEUE_LINE) struct queue_cell *cells;
    _Atomic int64_t owner;  /* handle of the scheduler */
    _Atomic uint64_t bound; /* cells in use, a power of two */
    _Atomic int32_t waker; /* what system_wake takes: ends the consumer's sleep */

    /* Written by every post, and by a consumer that sleeps. */
    alignas(QUEUE_LINE) _Atomic uint64_t tail; /* the next ticket, QUEUE_SLEEPING, QUEUE_CLOSED */
    _Atomic uint64_t head_seen;                /* some earlier head */

    /* Written by posts that are not the plain case. */
    alignas(QUEUE_LINE) _Atomic uint32_t waiters; /* threads that wait for room */
    _Atomic uint32_t room;                        /* changes when there may be room again */
    _Atomic uint32_t wakers;                      /* threads that may be using waker */
    _Atomic uint64_t refused;
    _Atomic uint64_t replaced;
    _Atomic uint64_t withdrawn; /* tickets published as nothing */

    /* Written by the consumer; the atomic ones are read by other threads. */
    alignas(QUEUE_LINE) _Atomic uint64_t head; /* the next ticket to pop */
    _Atomic uint64_t first;                    /* the first ticket of this owner */
    _Atomic uint64_t skipped;                  /* tickets popped, but not handed out */
    _Atomic uint64_t high_water;
    uint64_t final;    /* the ticket at the closing; 0: open */
    uint64_t capacity; /* cells mapped */
    _Atomic uint64_t wait[32]; /* as cothread_stats.callback_wait */
};

/* A mailbox holds at most one pending value. Its memory is never unmapped either; it may be opened again
 * once mailbox_idle says so. `value` is the pending value, or the address of `value`: none is pending, or the
 * address of `generation`: closed. No caller has a value at these addresses, while NULL is one. */
struct mailbox {
    alignas(QUEUE_LINE) _Atomic(void *) value;
    _Atomic uint32_t generation; /* changed by close */
    _Atomic uint32_t users;      /* posters inside */
    cothread_callback callback;  /* NULL: for the host */
    uint64_t token;
    uint32_t queued;             /* the consumer's: closed while a cell still named it */
};

enum queue_kind { QUEUE_CALLBACK, QUEUE_MAILBOX };

struct queue_item {
    cothread_callback callback; /* NULL: for the host */
    void *argument;             /* or the value of the mailbox */
    uint64_t token;             /* of the mailbox */
    enum queue_kind kind;
};

/* ---- The consumer: one thread at a time, the scheduler's ---- */

/* queue_open makes the queue that of `owner` (> 0), with room for `bound` (1 .. 2^20) callbacks, rounded up to a
 * power of two, and all counters 0. What an owner that ended without draining left behind is dropped.
 * Returns 0 or COTHREAD_ENOMEM; it is closed then, as before. */
int queue_open(struct queue *q, int64_t owner, uint32_t bound, int waker);

/* queue_pop takes the oldest callback: 1, or 0 if it is not published yet or there is none. After queue_close
 * 0 means that nothing is left, ever: it waits for producers that are just publishing. */
int queue_pop(struct queue *q, struct queue_item *out);

/* queue_popped wakes the threads that wait for room. Call it after each slice of pops. */
void queue_popped(struct queue *q);

/* queue_room: how many callbacks could be posted now. */
uint64_t queue_room(const struct queue *q);

/* queue_close: from now on every post answers COTHREAD_EDEAD, also those that wait for room. What was
 * accepted before can be popped still: pop until 0. Returns how many tickets that are, at most as many items. */
uint64_t queue_close(struct queue *q);

/* queue_retire returns when no thread will use the waker any more: only then may it be closed, or a late
 * producer would write into whatever file gets its number. After queue_close, when queue_pop has returned 0 and the
 * consumer will not sleep any more. */
void queue_retire(struct queue *q);

/* ---- Any thread, and signal handlers; errno is kept ---- */

/* queue_post: 0, COTHREAD_EFULL (counted as refused), or COTHREAD_EDEAD: closed, or no longer the owner's.
 * queue_offer does not count: for a caller that goes on to wait for room in its own way, and calls
 * queue_refuse when it gives up. */
int queue_post(struct queue *q, int64_t owner, cothread_callback callback, void *argument);
int queue_offer(struct queue *q, int64_t owner, cothread_callback callback, void *argument);
void queue_refuse(struct queue *q);

/* queue_wake ends the consumer's sleep, or the one it is about to begin. Everything the caller did before is
 * seen by a consumer that looks after it has set QUEUE_SLEEPING. */
void queue_wake(struct queue *q);

/* queue_pending: tickets given and not popped. */
uint64_t queue_pending(const struct queue *q);

/* queue_statistics fills the callback_ fields. The high-water mark is the greatest depth that a pop saw, or the
 * bound once a post was refused. */
void queue_statistics(const struct queue *q, cothread_stats *out);

/* ---- Any thread but the consumer's; no signal handlers ---- */

/* queue_post_wait waits for room: 0, COTHREAD_ETIMEDOUT (counted as refused), COTHREAD_EDEAD. */
int queue_post_wait(struct queue *q, int64_t owner, cothread_callback callback, void *argument, int64_t deadline);

/* ---- Mailbox ---- */

/* Consumer. The generation stays what it is: zero, or what the last close made of it. */
void mailbox_open(struct mailbox *l, cothread_callback callback, uint64_t token);

/* Consumer. A pending value is dropped: 1 if there was one. Later posts answer COTHREAD_EHANDLE. */
int mailbox_close(struct mailbox *l);

/* Consumer, after mailbox_close: 1 if no poster is inside and no cell names it, so that it may be opened again. */
int mailbox_idle(const struct mailbox *l);

/* Any thread, signal handlers. 0: queued; 1: took the place of a pending value, stored in *replaced unless that is
 * NULL. COTHREAD_EFULL (counted as refused), COTHREAD_EDEAD, COTHREAD_EHANDLE: not this generation. */
int mailbox_post(struct queue *q, int64_t owner, struct mailbox *l, uint32_t generation, void *value, void **replaced);

#endif
