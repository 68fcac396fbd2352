/* host.c - host tasks, and the rings through which they wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include "native.h"
#include "waiting.h"

#include <stdlib.h>

int native_ring_open(struct scheduler *s)
{
    s->ring = (cothread_ring){
        .size = sizeof s->ring,
        .capacity = RING_CAPACITY,
        .request_size = sizeof(cothread_request),
        .ready_size = sizeof(cothread_ready),
        .requests = calloc(RING_CAPACITY, sizeof(cothread_request)),
        .ready = calloc(RING_CAPACITY, sizeof(cothread_ready)),
    };
    s->posted = calloc(s->shared.callback_budget, sizeof *s->posted);
    return s->ring.requests && s->ring.ready && s->posted ? 0 : COTHREAD_ENOMEM;
}

cothread_handle native_host_create(struct scheduler *s, uint64_t token, const char *name)
{
    struct task *t = native_new_task(s, TASK_HOST);
    if (!t)
        return slot_refused(s, KIND_TASK);
    if (native_set_name(s, t, name) < 0) {
        t->state = TASK_FREE;
        slot_release(s, KIND_TASK, t);
        return fail(COTHREAD_ENOMEM, "no memory for the task's name");
    }
    t->stack = (char *)(uintptr_t)token;
    COUNT(s->shared.living, 1);
    COUNT(s->shared.spawned, 1);
    return handle_of(s, KIND_TASK, t);
}

/* begin puts the wait a request asks for into effect. What ends at once goes through a wait all the same, so that each
 * request has one answer, in one place: the batch. */
static void begin(struct scheduler *s, struct task *t, const cothread_request *request)
{
    struct waiters *in = NULL;
    void *element = (void *)(uintptr_t)request->value;
    int rc = WOULD_WAIT;
    t->value = 0; /* what an earlier wait left would arrive as this one's */
    switch (request->operation) {
    case COTHREAD_WAIT:
        if (request->fd >= 0) {
            if (!request->object || request->object & ~(int64_t)WAITABLE) {
                rc = fail(COTHREAD_EINVAL, "events of a request are %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP", request->object);
                break;
            }
            t->fd = request->fd;
            t->events = (uint32_t)request->object;
        } else {
            t->flags |= TASK_IN_WAIT_UNTIL;
        }
        break;
    case COTHREAD_WAIT_EVENT: rc = event_try(s, t, request->object, &in); break;
    case COTHREAD_WAIT_SEND: rc = channel_try_send(s, t, request->object, element, &in); break;
    case COTHREAD_WAIT_RECEIVE: rc = channel_try_receive(s, t, request->object, element, &in); break;
    case COTHREAD_WAIT_LOCK: rc = mutex_try(s, t, request->object, &in); break;
    case COTHREAD_WAIT_ACQUIRE: rc = semaphore_try(s, t, request->object, &in); break;
    case COTHREAD_UNLOCK:
        if ((rc = mutex_unlock(s, t, request->object)) == 0)
            return;
        break;
    case COTHREAD_WAIT_JOIN: rc = join_try(s, t, request->object, &in); break;
    default: rc = fail(COTHREAD_EINVAL, "request operation %lld is unknown", request->operation);
    }
    if (rc == WOULD_WAIT && t->flags & TASK_CANCELLED)
        rc = COTHREAD_ECANCELED;
    if (rc == WOULD_WAIT) {
        wait_begin(s, t, in, request->deadline == COTHREAD_NOW ? COTHREAD_NOW + 1 : request->deadline);
    } else {
        t->events = 0;
        wait_begin(s, t, NULL, COTHREAD_FOREVER);
        wake(s, t, rc);
    }
}

/* withdraw ends a host task's wait without putting it into a batch. */
static void withdraw(struct scheduler *s, struct task *t)
{
    t->flags &= (uint8_t)~TASK_IN_WAIT_UNTIL;
    t->events = 0;
    if (t->state == TASK_WAITING) {
        wait_end(s, t);
        t->state = TASK_RUNNING;
    }
    if (t->state != TASK_READY)
        return;
    /* woken between two batches, which only other host code does: the list is short */
    struct task **link = &s->shared.host_first;
    while (*link && *link != t)
        link = &(*link)->next;
    if (*link) {
        *link = t->next;
        if (!t->next)
            s->shared.host_tail = link;
    }
    t->state = TASK_RUNNING;
}

int native_submit(struct scheduler *s)
{
    int64_t count = s->ring.request_count;
    if (count < 0 || count > RING_CAPACITY)
        return fail(COTHREAD_EINVAL, "request_count is %lld; the ring holds %lld", count, RING_CAPACITY);
    s->shared.notify = 0; /* the caller looks next, or settles */
    s->ring.request_count = 0;
    for (int64_t i = 0; i < count; i++) {
        const cothread_request *request = &s->ring.requests[i];
        int error;
        struct task *t = resolve(s, KIND_TASK, request->task, &error);
        if (!t || !(t->flags & TASK_HOST))
            continue; /* nobody to tell: there is no task to wake with the error */
        if (request->operation == COTHREAD_WITHDRAW || request->operation == COTHREAD_FINISH || t->state != TASK_RUNNING)
            withdraw(s, t); /* of two requests the later one counts */
        if (request->operation == COTHREAD_FINISH)
            native_end(s, t, (uint64_t)request->value);
        else if (request->operation != COTHREAD_WITHDRAW)
            begin(s, t, request);
    }
    return (int)count;
}

int native_batch(struct scheduler *s)
{
    cothread_ready *ready = s->ring.ready;
    uint32_t count = 0;
    for (; count < s->shared.posted_count && count < RING_CAPACITY; count++)
        ready[count] = (cothread_ready){s->posted[count].token, COTHREAD_POSTED, 0, (int64_t)s->posted[count].value};
    s->shared.posted_count = 0;
    for (struct task *t; count < RING_CAPACITY && (t = s->shared.host_first); count++) {
        if (!(s->shared.host_first = t->next))
            s->shared.host_tail = &s->shared.host_first;
        t->state = TASK_RUNNING;
        t->flags &= (uint8_t)~TASK_IN_WAIT_UNTIL;
        bool says_more = t->reason > 0; /* what the C call would return; as a reason it is taken */
        ready[count] = (cothread_ready){.token = (uint64_t)(uintptr_t)t->stack,
                                        .reason = says_more ? 0 : t->reason,
                                        .events = t->reason == 0 ? t->events : 0,
                                        .value = says_more ? t->reason : (int64_t)t->value};
        t->events = 0;
    }
    s->ring.ready_count = count;
    if (s->shared.host_first && s->shared.notify)
        native_notify(s); /* there is another batch */
    return (int)count;
}

/* ---- Mailbox ------------------------------------------------------------------------------------------------ */

/* Other threads post to a mailbox at any time, so a closed one is reused only when no poster is left inside. Its
 * generation and the slot's are bumped together and differ by one: see post. */
struct mailbox_slot {
    uint32_t index, generation;
    struct mailbox_slot *next_closed;
    bool open;
    struct mailbox mailbox;
};
_Static_assert(sizeof(struct mailbox_slot) <= 128, "a mailbox fits its slot");

cothread_handle mailbox_create(struct scheduler *s, cothread_callback callback, uint64_t token)
{
    struct mailbox_slot **link = &s->closed_mailboxes, *slot;
    while ((slot = *link) && !mailbox_idle(&slot->mailbox))
        link = &slot->next_closed;
    if (slot)
        *link = slot->next_closed;
    else if (!(slot = slot_take(s, KIND_MAILBOX)))
        return slot_refused(s, KIND_MAILBOX);
    slot->generation &= ~SLOT_FREE;
    slot->open = true;
    mailbox_open(&slot->mailbox, callback, token);
    return handle_of(s, KIND_MAILBOX, slot);
}

static void close_mailbox(struct scheduler *s, struct mailbox_slot *slot)
{
    mailbox_close(&slot->mailbox);
    slot->open = false;
    if (++slot->generation >= (1u << GENERATION_BITS) - 1)
        return; /* retired */
    slot->generation |= SLOT_FREE;
    slot->next_closed = s->closed_mailboxes;
    s->closed_mailboxes = slot;
}

int mailbox_close_handle(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct mailbox_slot *slot = resolve(s, KIND_MAILBOX, handle, &error);
    if (!slot)
        return error;
    close_mailbox(s, slot);
    return 0;
}

void mailboxes_close(struct scheduler *s)
{
    for (uint32_t i = 0; i < s->tables[KIND_MAILBOX].used; i++) {
        struct mailbox_slot *slot = slot_at(s, KIND_MAILBOX, i);
        if (slot->open)
            close_mailbox(s, slot);
    }
}

int mailbox_post_value(cothread_handle handle, void *value, void **replaced)
{
    struct scheduler *s = scheduler_numbered(handle);
    if (kind_in(handle) != KIND_MAILBOX || !scheduler_at(handle))
        return fail(COTHREAD_EHANDLE, "handle %lld is no mailbox", handle);
    if (!s)
        return fail(COTHREAD_EDEAD, "the scheduler of mailbox %lld was destroyed, or its thread ended", handle);
    struct mailbox_slot *slot = slot_at(s, KIND_MAILBOX, index_in(handle));
    if (!slot)
        return fail(COTHREAD_EHANDLE, "handle %lld is no mailbox", handle);
    uint32_t generation = generation_in(handle) - 1;
    int rc = mailbox_post(&s->queue, atomic_load(&s->handle), &slot->mailbox, generation, value, replaced);
    return rc >= 0 ? rc : fail(rc, "the value was not posted to mailbox %lld", handle);
}
