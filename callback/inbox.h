/* The bounded ring through which other threads and signal handlers send elements to a channel.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is the queue of queue.h with elements of any size in place of callbacks: tickets, posting without a pin and waiting
 * for room are as described and proved there, and not repeated here. What is different:
 *
 * CELLS
 * They are made by inbox_open, zeroed, and freed by inbox_free, once every ticket below the final one was popped: nobody
 * touches a cell without a ticket for it. A ticket is never 0, and a cell holds it when its sequence is the ticket.
 * The struct inbox itself is never unmapped: a sender may arrive with the handle of a channel that is long gone. Its owner,
 * a channel's handle, is never used twice, which makes a sender's look at it worth something.
 *
 * LISTENING
 * The consumer looks for elements when it likes to, and is told of one only if it asked: `interest` goes
 *   IDLE -> LISTENING    the consumer found nothing (inbox_listen), and then looks at the cell again;
 *   LISTENING -> TOLD    a sender, after it has published, or the consumer, if it found something in that last look. Or
 *                        if it has something else to do later, also from IDLE (inbox_remind);
 *   TOLD -> IDLE         the consumer, when it takes up what it was told (inbox_heard).
 * A sender publishes and then looks at `interest`, the consumer changes `interest` and then looks at the cell, all of it
 * sequentially consistent: one of them sees the other. Whoever makes it TOLD puts the inbox into the list of those the
 * consumer was told of: so it stands there once.
 *
 * ROOM
 * Threads that wait for it are woken when the inbox is half empty, and at the latest when the consumer takes up what it was
 * told: if it pops with less room it tells itself (inbox_remind). One at a time the wake-ups would cost more than the rest
 * (64 elements of room, one sender that never rests: 162 ns an element, 99 so; least of three runs).
 */
#ifndef CALLBACK_INBOX_H
#define CALLBACK_INBOX_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../cothread.h"

#define INBOX_LINE 64 /* bytes of a cache line */

struct inbox {
    /* Written by open. Read by every send. */
    alignas(INBOX_LINE) char *cells;
    _Atomic int64_t owner;  /* handle of the channel */
    _Atomic uint64_t bound; /* elements */
    _Atomic uint64_t size;  /* bytes of one */
    uint64_t stride, mask;  /* bytes of a cell; how many there are, a power of two, less one */

    /* Written by every send. */
    alignas(INBOX_LINE) _Atomic uint64_t tail; /* the next ticket, INBOX_CLOSED */
    _Atomic uint64_t head_seen;                /* some earlier head */

    /* Written now and then. */
    alignas(INBOX_LINE) _Atomic uint32_t interest; /* enum inbox_interest */
    _Atomic uint32_t waiting; /* a thread waits for room, or did */
    _Atomic uint32_t room;    /* changes when there may be room again */
    _Atomic int32_t reason;   /* why it is closed: a code */
    struct inbox *next_told;  /* of whoever made it TOLD, and then the consumer's */

    /* Written by the consumer. */
    alignas(INBOX_LINE) _Atomic uint64_t head; /* the next ticket to pop */
    uint64_t final; /* the ticket at the closing; 0: open */
};

enum inbox_interest { INBOX_IDLE, INBOX_LISTENING, INBOX_TOLD };

/* ---- The consumer: one thread at a time, the scheduler's ---- */

/* inbox_open makes a closed or fresh inbox that of `owner`, with room for `bound` (1 .. 2^24) elements of `size` bytes.
 * Returns 0 or COTHREAD_ENOMEM; nothing has changed then. */
int inbox_open(struct inbox *b, int64_t owner, uint64_t size, uint64_t bound);

/* inbox_close: from now on every send answers `reason`, also those that wait for room. What was accepted before can be popped
 * still. Closed again, it answers the new reason. */
void inbox_close(struct inbox *b, int reason);

/* inbox_free drops what is in a closed inbox and frees its cells. It waits for senders that are just publishing. */
void inbox_free(struct inbox *b);

/* inbox_pop copies the oldest element out: false if it is not published yet or there is none. After inbox_close false means
 * that nothing is left, ever: it waits for senders that are just publishing. */
bool inbox_pop(struct inbox *b, void *element);

/* inbox_listen asks to be told of the next element, and inbox_remind, after a pop, to be told now if threads wait for room
 * still. True: it is the consumer that puts the inbox into its list. inbox_heard takes up what it was told. */
bool inbox_listen(struct inbox *b);
bool inbox_remind(struct inbox *b);
void inbox_heard(struct inbox *b);

/* inbox_pending: elements accepted and not popped. */
uint64_t inbox_pending(const struct inbox *b);

/* ---- Any thread, and signal handlers; errno is kept ---- */

/* inbox_offer copies an element in: 0, COTHREAD_EFULL, COTHREAD_EINVAL: NULL for an element that has bytes, the reason of
 * inbox_close, or COTHREAD_EHANDLE: no longer the owner's. */
int inbox_offer(struct inbox *b, int64_t owner, const void *element);

/* inbox_wants says whether the consumer is to be told of what was sent before, and inbox_tell whether it is the caller who
 * has to put the inbox into the consumer's list. */
bool inbox_wants(const struct inbox *b);
bool inbox_tell(struct inbox *b);

/* ---- Any thread but the consumer's; no signal handlers ---- */

/* inbox_send waits for room: as inbox_offer, but COTHREAD_ETIMEDOUT in place of COTHREAD_EFULL. */
int inbox_send(struct inbox *b, int64_t owner, const void *element, int64_t deadline);

#endif
