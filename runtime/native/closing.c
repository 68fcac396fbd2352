/* closing.c - a connection is closed, so that the peer gets all that was written.
 * SPDX-License-Identifier: Apache-2.0 */
#include "closing.h"

#include "../../system/sockets.h"
#include "use.h"

/* drop_input reads and drops until the peer's end, or until the wait ends. False: the connection is gone. */
static bool drop_input(struct use *use)
{
    char block[4096];
    for (;;) {
        struct connection *c = use->c;
        int64_t n = adopted_worth_trying(use->s, c->adopted, COTHREAD_READABLE, use->deadline) ? adopted_read_now(use->s, c->adopted, block, sizeof block)
                                                                                            : -EAGAIN;
        int rc = n > 0 ? use_progress(use, (size_t)n) : n == -EAGAIN ? use_await(use, COTHREAD_READABLE) : COTHREAD_ECLOSED;
        if (!use->c)
            return false;
        if (rc == COTHREAD_EINTR)
            atomic_store(&use->s->shared.interrupted, 1); /* the next call says so */
        if (rc < 0 || (n > 0 && system_now() >= connection_until(c, use->deadline)))
            return true;
    }
}

int64_t closing_end(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    int rc;
    struct use use = {.s = s, .handle = handle, .deadline = deadline, .operation = TO_END};
    struct connection *c = use.c = connection_find(s, handle, TO_END, &rc);
    if (!c)
        return rc;
    if (c->observed)
        return connection_observer_runs();
    if ((rc = connection_allows(c, TO_END)) < 0)
        return rc;
    int64_t rest = 0;
    if (c->adopted && c->state != COTHREAD_STATE_LISTENING && !c->datagram) {
        bool peer_may_send = c->socket && !c->input_over && c->state != COTHREAD_STATE_FAILED;
        c->lingers = true;
        c->begin = c->end = 0;
        wait_end_all(s, &c->next[INPUT_TURN], COTHREAD_ECLOSED);
        wait_end_all(s, &c->next[OUTPUT_TURN], COTHREAD_ECLOSED);
        if (c->state != COTHREAD_STATE_FAILED)
            connection_enter(s, c, COTHREAD_STATE_CLOSING);
        adopted_end_waits(s, c->adopted, COTHREAD_ECLOSED);
        c->told = c->told || system_finish(&c->adopted->descriptor) == 0;
        c->output_over = true;
        if (peer_may_send && c->told && deadline != COTHREAD_NOW && !drop_input(&use))
            return fail(COTHREAD_ECLOSED, "cothread_close was called while the connection was being closed");
        rest = system_unacknowledged(&c->adopted->descriptor, c->told);
    }
    connection_close(s, c, handle);
    return rest < 0 ? 0 : rest;
}
