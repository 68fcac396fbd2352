/* use.c - one operation of a task on a connection: what is rare about it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "use.h"

#include <stdio.h>

void use_wake_next(struct scheduler *s, struct connection *c, int turn)
{
    struct wait *next = c->next[turn].first;
    if (next)
        wait_end(s, next, 0);
    else
        c->turns[turn] = FREE;
}

int use_wait_for_turn(struct use *use, int turn)
{
    struct connection *c = use->c;
    int rc = wait_refused(use->s, use->deadline);
    if (rc == 0) {
        c->turns[turn] = WAITED_FOR;
        rc = wait_here(use->s, KIND_CONNECTION, &c->next[turn], use->deadline);
    }
    if (rc)
        return rc;
    if (!handle_object(&use->s->handles, KIND_CONNECTION, use->handle, &rc))
        return wait_failed(use->s, COTHREAD_ECLOSED, use->deadline);
    if ((rc = c->lingers ? fail(COTHREAD_ECLOSED, "the connection was closed") : connection_allows(c, use->operation)) < 0)
        use_pass_turn(use->s, c, turn);
    return rc;
}

int use_hastened(struct use *use, int rc)
{
    if (use->deadline == COTHREAD_NOW)
        return rc;
    if (connection_overdue(use->s, use->c))
        return connection_failed_because(use->c);
    return connection_until(use->c, use->deadline) > system_now() ? 0 : rc;
}

/* of_the_peer says whether an error is about the connection, and not about what was asked, or memory. */
static bool of_the_peer(const struct connection *c, int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ECONNREFUSED:
    case ENOTCONN:
    case ETIMEDOUT:
    case ENETDOWN:
    case ENETUNREACH:
    case ENETRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH: return !c->datagram;
    case EIO: return !c->socket; /* a terminal was hung up */
    }
    return false;
}

int use_broke(struct use *use, int error)
{
    struct connection *c = use->c;
    char text[160];
    snprintf(text, sizeof text, "%s failed with errno %d", operations[use->operation].name, error);
    if (error == EPIPE && of_the_peer(c, error)) {
        connection_output_ends(use->s, c); /* what the peer sent can still be read, with an end if there is one */
    } else if (of_the_peer(c, error)) {
        c->error = error;
        connection_enter(use->s, c, COTHREAD_STATE_FAILED);
    }
    errno = error;
    return fail_text(COTHREAD_ESYSTEM, text);
}

int use_progress(struct use *use, size_t bytes)
{
    struct scheduler *s = use->s;
    if (!use_spends(s, use->c, bytes) || !use_may_yield(s, use->deadline))
        return 0;
    switch_yield(s, s->current);
    return use_look_again(use);
}
