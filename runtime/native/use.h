/* use.h - one operation of a task on a connection: its beginning, its waits, its end.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An operation finds its connection, checks that it fits the state, takes its turn, tries, waits and tries again; after each wait
 * it finds the connection anew, as it may be gone, closing or failed. */
#ifndef NATIVE_USE_H
#define NATIVE_USE_H

#include "../../system/system.h"
#include "adopted.h"
#include "connection.h"
#include "wait.h"

/* What tasks do with one connection in a tick before they let the others run: so much bounds how long a peer that always has
 * data keeps the rest waiting. One system call moves no more than TURN_BYTES. */
#define TURN_OPERATIONS 16
#define TURN_BYTES ((size_t)256 << 10)

struct use {
    struct scheduler *s;
    cothread_handle handle;
    struct connection *c;
    int64_t deadline;
    enum operation operation;
    uint32_t moved; /* bytes, since use_spends was told */
};

/* ---- Out of the way ------------------------------------------------------------------------------------------ */

void use_wake_next(struct scheduler *s, struct connection *c, int turn) __attribute__((cold)); /* who waits for the turn gets it */
int use_wait_for_turn(struct use *use, int turn) __attribute__((cold));
/* use_hastened is for a wait that timed out: 0 if neither its deadline nor the limit of the state has passed, or why it ends. */
int use_hastened(struct use *use, int rc) __attribute__((cold));
/* use_broke is for a system call that failed; what it changes is in the state. */
int use_broke(struct use *use, int error) __attribute__((cold));
/* use_progress is for an operation that has moved some bytes and is not done. */
int use_progress(struct use *use, size_t bytes);

/* ---- What most reads and writes do ------------------------------------------------------------------------------ */

static inline void use_pass_turn(struct scheduler *s, struct connection *c, int turn)
{
    if (__builtin_expect(c->turns[turn] == WAITED_FOR, 0))
        use_wake_next(s, c, turn);
    else
        c->turns[turn] = FREE;
}

/* use_begin finds the connection and takes one of its turns, which use_end gives back. Inlined, so that what it checks for one
 * operation is a constant. */
static inline __attribute__((always_inline)) int use_begin(struct use *use, struct scheduler *s, cothread_handle handle,
                                                           enum operation operation, int turn, int64_t deadline)
{
    int rc;
    *use = (struct use){.s = s, .handle = handle, .deadline = deadline, .operation = operation};
    struct connection *c = use->c = connection_find(s, handle, operation, &rc);
    if (!c)
        return rc;
    if (connection_overdue(s, c))
        return connection_failed_because(c);
    if ((rc = connection_allows(c, operation)) < 0)
        return rc;
    if (__builtin_expect(c->turns[turn] != FREE, 0))
        return use_wait_for_turn(use, turn);
    c->turns[turn] = TAKEN;
    return 0;
}

/* use_spends counts what was done with a connection in this tick, and says whether the others are to run. */
static inline bool use_spends(struct scheduler *s, struct connection *c, size_t bytes)
{
    uint32_t tick = (uint32_t)atomic_load_explicit(&s->shared.ticks, memory_order_relaxed);
    if (c->tick != tick) {
        c->tick = tick;
        c->operations = 0;
        c->moved = 0;
    }
    c->moved += (uint32_t)bytes;
    return ++c->operations >= TURN_OPERATIONS || c->moved >= TURN_BYTES;
}

static inline bool use_may_yield(const struct scheduler *s, int64_t deadline)
{
    return deadline != COTHREAD_NOW && s->current && !s->beginning;
}

/* use_end gives back the turn, unless the connection is gone, and lets others run if the operation did enough. */
static inline __attribute__((always_inline)) int64_t use_end(struct use *use, int turn, int64_t result)
{
    struct scheduler *s = use->s;
    struct connection *c = use->c;
    if (__builtin_expect(!c, 0))
        return result;
    use_pass_turn(s, c, turn);
    if (result < 0)
        return result;
    if (__builtin_expect(use_spends(s, c, use->moved), 0) && use_may_yield(s, use->deadline))
        switch_yield(s, s->current);
    else
        wait_satisfied(s, use->deadline);
    return result;
}

/* use_look_again is for an operation that goes on after other tasks have run: 0, or why it does not. */
static inline int use_look_again(struct use *use)
{
    int rc;
    struct connection *c = use->c = handle_object(&use->s->handles, KIND_CONNECTION, use->handle, &rc);
    if (!c || (c->lingers && use->operation != TO_END))
        return fail(COTHREAD_ECLOSED, "the connection was closed while this task used it");
    if (c->state == COTHREAD_STATE_FAILED)
        return connection_failed_because(c);
    return 0;
}

/* use_await waits until a direction may be tried again: 0, or why the operation ends. */
static inline __attribute__((always_inline)) int use_await(struct use *use, uint32_t direction)
{
    struct scheduler *s = use->s;
    int rc = adopted_await(s, use->c->adopted, direction, connection_until(use->c, use->deadline)), why = use_look_again(use);
    if (why < 0)
        return why;
    return __builtin_expect(rc == COTHREAD_ETIMEDOUT, 0) ? use_hastened(use, rc) : rc;
}

#endif
