/* wait.c - the cold ends of waiting.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include <stdio.h>

#include "../../system/system.h"

#define LIMIT_PAUSE (10 * COTHREAD_MILLISECOND)

void wait_end_all(struct scheduler *s, struct wait_list *list, int reason)
{
    while (list->first)
        wait_end_cold(s, list->first, reason);
}

static void end_of_transfer(struct scheduler *s, struct wait *w, int reason)
{
    wait_list_remove(w->list, w);
    w->list = NULL;
    w->reason = reason;
    wait_ready_transfer(s, w);
}

static void end_item(struct scheduler *s, struct wait *w, int reason)
{
    struct item *item = (struct item *)(void *)w;
    struct task *t = w->task;
    struct items *items = t->wait.items;
    if (w->list)
        wait_list_remove(w->list, w);
    item->listed = false;
    w->list = NULL;
    if (w->kind == KIND_NONE) { /* a descriptor by number */
        items->reported = !s->shared.more_ready;
        w->value = w->events; /* errno of COTHREAD_ESYSTEM; else nobody asks */
        wait_fire(items, item, reason ? reason : (int)w->events);
    } else if (w->kind != KIND_ADOPTED || reason) { /* a report of an adopted one is a hint: the task looks when it goes on */
        wait_fire(items, item, reason);
    }
    if (t->state == TASK_WAITING)
        wait_end_unserved(s, &t->wait, 0); /* else it is over already: a condition tells all the same */
}

void wait_end_part(struct scheduler *s, struct wait *w, int reason)
{
    if (w->flags & WAIT_OF_TRANSFER)
        end_of_transfer(s, w, reason);
    else
        end_item(s, w, reason);
}

void wait_ready_transfer(struct scheduler *s, struct wait *w)
{
    *(w->sends ? &transfer_of(w)->out_ready : &transfer_of(w)->in_ready) = true;
    wait_list_append(&s->shared.host, w);
    if (s->shared.notify)
        switch_notify(s);
}

void wait_cancel(struct scheduler *s, struct task *t)
{
    if (t->state == TASK_ENDED)
        return;
    t->flags |= TASK_CANCELLED;
    if (t->state == TASK_WAITING && !(t->flags & TASK_SHIELDED))
        wait_end_unserved(s, &t->wait, COTHREAD_ECANCELED);
}

int wait_impossible(struct scheduler *s, int64_t deadline)
{
    if (deadline == COTHREAD_NOW)
        return fail(COTHREAD_ETIMEDOUT, "not ready, and the deadline is COTHREAD_NOW");
    if (!s->current)
        return fail(COTHREAD_EHOSTED, "this would block a hosted scheduler's thread: use a task, or COTHREAD_NOW");
    /* Let the others run: a task that ignores the error and waits again must not keep the tick for itself. */
    switch_yield(s, s->current);
    return fail(COTHREAD_ECANCELED, "this task was cancelled: every wait ends so until it returns, or is shielded");
}

int wait_before_limit(struct scheduler *s, int rc, int64_t deadline)
{
    if (deadline == COTHREAD_NOW || !s->current)
        return rc;
    char text[256];
    snprintf(text, sizeof text, "%s", native_last_error());
    int64_t until = system_now() + LIMIT_PAUSE;
    int why = wait_refused(s, deadline);
    if (why == 0)
        why = wait_here(s, KIND_NONE, NULL, until < deadline ? until : deadline);
    return why == COTHREAD_ETIMEDOUT ? fail_text(rc, text) : why;
}

int wait_failed(struct scheduler *s, int reason, int64_t deadline)
{
    switch (reason) {
    case COTHREAD_ETIMEDOUT:
        if (wait_far_in_the_past(s, deadline))
            return fail(reason, DEADLINES_ARE_ABSOLUTE, deadline);
        return fail(reason, "the deadline passed");
    case COTHREAD_ECANCELED: return fail(reason, "this task was cancelled while it waited");
    case COTHREAD_EINTR: return fail(reason, "cothread_interrupt ended the wait");
    case COTHREAD_ECLOSED: return fail(reason, "what this task waited for was closed");
    case COTHREAD_EBADF: return fail(reason, "the descriptor is not open");
    case COTHREAD_EEXIST: return fail(reason, "the descriptor is adopted: use cothread_wait_ready");
    case COTHREAD_ELIMIT: return fail(reason, "the system registers no more descriptors");
    case COTHREAD_ESYSTEM: return fail(reason, "the system does not watch this descriptor");
    }
    return reason;
}
