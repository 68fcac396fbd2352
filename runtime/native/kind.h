/* kind.h - what a kind of object is: a line of KINDS, and a row of the table in kinds.c.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A wait on an object has three steps, so that a task, a host's request and a wait over many objects take the same ones:
 *   check   may this wait be made at all? Takes nothing.
 *   try     take what the wait asks for, if it is there: 0 or more, what the call returns. WOULD_WAIT: it is not, and
 *           the wait is prepared: it is listed next, or leaves. Negative: it never will be.
 *   list    the list to stand in until another task provides it.
 * `memory` is the caller's, for an element: it is looked at during check and try only.
 * Whoever provides it hands it over before the waiting task runs: nobody can take it in between, and a wait that ends
 * for another reason has taken nothing: it only leaves.
 */
#ifndef NATIVE_KIND_H
#define NATIVE_KIND_H

#include <stddef.h>

#include "../../cothread.h"

struct scheduler;
struct wait;
struct wait_list;

/* The kinds of objects, and log2 of a slot's size: a constant, so that finding a slot takes a shift and no load (hand-over
 * 12.3 ns, 13.0 with the size in the table; bench c, least of 12 runs in turn). */
#define KINDS(X) \
    X(TASK, TASK_BITS) \
    X(EVENT, 6) \
    X(CHANNEL, 7) \
    X(MUTEX, 6) \
    X(SEMAPHORE, 6) \
    X(GROUP, 9) \
    X(ADOPTED, 7) \
    X(MAILBOX, 7) \
    X(TIMER, 6) \
    X(SIGNAL, 6) \
    X(WATCH, 7) \
    X(PROCESS, 6) \
    X(POOL, 6) \
    X(JOB, 6) \
    X(CONNECTION, 8)

#ifdef COTHREAD_VALGRIND
#define TASK_BITS 8 /* valgrind's name of the stack is in the block */
#else
#define TASK_BITS 7
#endif

#define KIND_NAME(name, bits) KIND_##name,
#define KIND_CASE(name, bits) \
    case KIND_##name: return bits;

enum kind {
    KINDS(KIND_NAME)
    KIND_TABLES, /* the kinds above have slots */
    KIND_SCHEDULER = 15,
    KIND_NONE,  /* of a wait: for a deadline, a wakeup, a descriptor, room */
    KIND_ITEMS, /* of a wait for several things */
    KIND_CONNECT, /* of a host task's, for a connection to be made */
    KINDS_ALL,
};
_Static_assert(KIND_TABLES <= KIND_SCHEDULER, "a handle has four bits for its kind");

static inline unsigned kind_slot_bits(enum kind kind)
{
    switch (kind) {
        KINDS(KIND_CASE)
    default: return 0;
    }
}

#define WOULD_WAIT INT32_MIN /* no code, and nothing that a call returns */

struct kind_row {
    const char *name; /* "an event" */
    int (*check)(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
    int (*try)(struct scheduler *s, void *object, struct wait *w, void *memory);
    struct wait_list *(*list)(void *object, const struct wait *w);
    void (*leave)(struct scheduler *s, struct wait *w); /* a wait for it, prepared or listed, ends, and took nothing */
    void (*ready)(struct scheduler *s, void *object, uint32_t events); /* its descriptor (CALL_ADOPT) was reported */
    int (*close)(struct scheduler *s, void *object, cothread_handle handle); /* ends it and frees its slot */
    void (*free)(struct scheduler *s, void *object); /* the scheduler ends: memory and descriptors of a living object */
    void (*describe)(const struct scheduler *s, const void *object, char *text, size_t size); /* its state, as a clause */
};
/* NULL: a kind that does not do this. Indexed by enum kind. */
extern const struct kind_row kinds[];

#endif
