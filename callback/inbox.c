/* SPDX-License-Identifier: Apache-2.0 */
#include "inbox.h"
#include "sanitizers.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "../system/system.h"

#define INBOX_CLOSED (UINT64_C(1) << 63)
#define INBOX_TICKET (INBOX_CLOSED - 1)

_Static_assert(sizeof(struct inbox) == 4 * INBOX_LINE, "one line for each that writes");

#define load(p, order) atomic_load_explicit(p, memory_order_##order)
#define store(p, value, order) atomic_store_explicit(p, value, memory_order_##order)

struct cell {
    _Atomic uint64_t sequence; /* the ticket it holds */
    char element[];
};

static struct cell *cell_of(const struct inbox *b, uint64_t ticket) {
    return (struct cell *)(void *)(b->cells + (ticket & b->mask) * b->stride);
}

static void copy(void *to, const void *from, uint64_t size) {
    if (size == 8)
        memcpy(to, from, 8); /* pointers and counters: no call */
    else if (size)
        memcpy(to, from, size);
}

/* ---- Senders ---- */

/* claim returns a ticket, or a code. What a sender reads here is checked by owner: each opening writes that first. */
static int64_t claim(struct inbox *b, int64_t owner, const void *element) {
    uint64_t tail = load(&b->tail, acquire);
    for (;;) {
        if (load(&b->owner, acquire) != owner)
            return COTHREAD_EHANDLE;
        if (tail & INBOX_CLOSED) {
            int reason = load(&b->reason, acquire);
            return load(&b->owner, acquire) == owner ? reason : COTHREAD_EHANDLE;
        }
        if (element == NULL && load(&b->size, acquire) != 0)
            return load(&b->owner, acquire) == owner ? COTHREAD_EINVAL : COTHREAD_EHANDLE;
        uint64_t bound = load(&b->bound, acquire);
        if (tail - load(&b->head_seen, acquire) >= bound) {
            uint64_t head = atomic_load(&b->head);
            if (tail - head >= bound) {
                uint64_t again = load(&b->tail, acquire);
                if (again != tail) {
                    tail = again;
                    continue;
                }
                return COTHREAD_EFULL;
            }
            store(&b->head_seen, head, release);
        }
        if (atomic_compare_exchange_weak_explicit(&b->tail, &tail, tail + 1, memory_order_acq_rel, memory_order_acquire))
            return (int64_t)tail;
    }
}

int inbox_offer(struct inbox *b, int64_t owner, const void *element) {
    int64_t ticket = claim(b, owner, element);
    if (ticket <= 0)
        return (int)ticket;
    struct cell *cell = cell_of(b, (uint64_t)ticket);
    copy(cell->element, element, load(&b->size, relaxed));
    happens_before(cell);
    atomic_store(&cell->sequence, (uint64_t)ticket);
    return 0;
}

int inbox_send(struct inbox *b, int64_t owner, const void *element, int64_t deadline) {
    int code = inbox_offer(b, owner, element), timed_out = 0;
    while (code == COTHREAD_EFULL) {
        if (timed_out)
            return COTHREAD_ETIMEDOUT;
        uint32_t seen = atomic_load(&b->room);
        atomic_store(&b->waiting, 1);
        if ((code = inbox_offer(b, owner, element)) == COTHREAD_EFULL) {
            timed_out = system_wait(&b->room, seen, deadline) == ETIMEDOUT;
            code = inbox_offer(b, owner, element);
        }
    }
    return code;
}

bool inbox_wants(const struct inbox *b) {
    return atomic_load(&b->interest) == INBOX_LISTENING;
}

bool inbox_tell(struct inbox *b) {
    uint32_t listening = INBOX_LISTENING;
    return atomic_compare_exchange_strong(&b->interest, &listening, INBOX_TOLD);
}

/* ---- Consumer ---- */

static void tell_of_room(struct inbox *b) {
    atomic_store(&b->waiting, 0);
    atomic_fetch_add(&b->room, 1);
    system_wake_all(&b->room);
}

int inbox_open(struct inbox *b, int64_t owner, uint64_t size, uint64_t bound) {
    uint64_t stride = (sizeof(struct cell) + size + 7) & ~UINT64_C(7), count = 1;
    while (count < bound)
        count *= 2;
    char *cells = system_allocate(count, stride);
    if (cells == NULL)
        return COTHREAD_ENOMEM;
    uint64_t first = (atomic_fetch_or(&b->tail, INBOX_CLOSED) & INBOX_TICKET) + 1; /* above what a late sender may have read */
    store(&b->owner, owner, release);
    store(&b->reason, 0, release);
    store(&b->size, size, release);
    store(&b->bound, bound, release);
    store(&b->head, first, release);
    b->cells = cells;
    b->stride = stride;
    b->mask = count - 1;
    b->final = 0;
    store(&b->tail, first, release);
    return 0;
}

void inbox_close(struct inbox *b, int reason) {
    store(&b->reason, reason, release);
    uint64_t tail = atomic_fetch_or(&b->tail, INBOX_CLOSED);
    if (!(tail & INBOX_CLOSED))
        b->final = tail;
    tell_of_room(b);
}

static bool published(const struct inbox *b, uint64_t head) {
    return atomic_load(&cell_of(b, head)->sequence) == head;
}

/* await_published: false if the ticket is not published, and after the closing, if it never will be. */
static bool await_published(const struct inbox *b, uint64_t head) {
    while (!published(b, head)) {
        if (b->final <= head)
            return false;
        system_let_others_run();
    }
    return true;
}

void inbox_free(struct inbox *b) {
    uint64_t head = load(&b->head, relaxed);
    while (await_published(b, head))
        head++;
    store(&b->head, head, release);
    system_free(b->cells);
    b->cells = NULL;
}

bool inbox_pop(struct inbox *b, void *element) {
    uint64_t head = load(&b->head, relaxed);
    if (!await_published(b, head))
        return false;
    const struct cell *cell = cell_of(b, head);
    happens_after(cell);
    copy(element, cell->element, load(&b->size, relaxed));
    atomic_store(&b->head, head + 1); /* a thread that waits for room says so, and then looks at head */
    if (atomic_load(&b->waiting) && inbox_pending(b) <= load(&b->bound, relaxed) / 2)
        tell_of_room(b);
    return true;
}

bool inbox_remind(struct inbox *b) {
    return atomic_load(&b->waiting) && atomic_exchange(&b->interest, INBOX_TOLD) != INBOX_TOLD;
}

bool inbox_listen(struct inbox *b) {
    uint32_t idle = INBOX_IDLE;
    atomic_compare_exchange_strong(&b->interest, &idle, INBOX_LISTENING);
    return published(b, load(&b->head, relaxed)) && inbox_tell(b);
}

void inbox_heard(struct inbox *b) {
    atomic_store(&b->interest, INBOX_IDLE);
    if (atomic_load(&b->waiting))
        tell_of_room(b);
}

uint64_t inbox_pending(const struct inbox *b) {
    uint64_t head = load(&b->head, acquire); /* before tail, so that tail is not behind it */
    uint64_t tail = load(&b->tail, acquire) & INBOX_TICKET;
    return tail > head ? tail - head : 0;
}
