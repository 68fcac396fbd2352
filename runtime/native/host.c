/* host.c - host tasks, and the rings through which they wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include "../../callback/sanitizers.h"
#include "../../system/system.h"
#include "callbacks.h"
#include "channel.h"
#include "connect.h"
#include "descriptors.h"
#include "items.h"
#include "mutex.h"
#include "tasks.h"
#include "transfer.h"
#include "wait.h"

int host_open(struct scheduler *s)
{
    s->ring = (cothread_ring){
        .size = sizeof s->ring,
        .capacity = RING_CAPACITY,
        .request_size = sizeof(cothread_request),
        .ready_size = sizeof(cothread_ready),
        .requests = system_allocate(RING_CAPACITY, sizeof(cothread_request)),
        .ready = system_allocate(RING_CAPACITY, sizeof(cothread_ready)),
        .input = system_reserve(2 * ARENA_SIZE),
        .input_size = ARENA_SIZE,
        .output_size = ARENA_SIZE,
        .deadline = COTHREAD_FOREVER,
    };
    s->ring.output = s->ring.input + ARENA_SIZE;
    return s->ring.requests && s->ring.ready && s->ring.input && callbacks_reserve(s, 0) == 0 ? 0 : COTHREAD_ENOMEM;
}

void host_close(struct scheduler *s)
{
    system_free(s->told);
    if (s->ring.input)
        system_unreserve(s->ring.input, 2 * ARENA_SIZE);
    system_free(s->ring.requests);
    system_free(s->ring.ready);
    s->told = NULL;
    s->told_room = 0;
    memset(&s->ring, 0, sizeof s->ring);
}

cothread_handle host_create(struct scheduler *s, uint64_t token, const char *name)
{
    int error;
    struct task *t = task_new(s, TASK_HOST, &error);
    if (!t)
        return error;
    if ((error = task_set_name(s, t, name)) < 0) {
        task_free(s, t);
        return error;
    }
    t->wait.flags |= WAIT_OF_HOST;
    t->token = token;
    COUNT(s->shared.living, 1);
    COUNT(s->shared.spawned, 1);
    return handle_of(&s->handles, KIND_TASK, t);
}

/* ---- Requests ----------------------------------------------------------------------------------------- */

/* What each operation that waits for an object waits for. */
static const struct {
    uint8_t kind; /* 0: not such an operation, or a join */
    bool sends;
} objects[] = {
    [COTHREAD_WAIT_EVENT] = {KIND_EVENT, false},
    [COTHREAD_WAIT_SEND] = {KIND_CHANNEL, true},
    [COTHREAD_WAIT_RECEIVE] = {KIND_CHANNEL, false},
    [COTHREAD_WAIT_LOCK] = {KIND_MUTEX, false},
    [COTHREAD_WAIT_ACQUIRE] = {KIND_SEMAPHORE, false},
    [COTHREAD_WAIT_JOIN] = {KIND_TASK, false},
};

/* answer puts what ended at once through a wait all the same, so that each request has one answer, in one place: the batch. */
static void answer(struct scheduler *s, struct task *t, enum kind kind, int rc)
{
    wait_enter(s, t, kind, NULL, COTHREAD_FOREVER);
    wait_end(s, &t->wait, rc);
}

/* A deadline of COTHREAD_NOW is one that has passed: the request is answered by the next tick, behind its callbacks. */
static int64_t deadline_of(const cothread_request *request)
{
    return request->deadline == COTHREAD_NOW ? COTHREAD_NOW + 1 : request->deadline;
}

static void wait_for_object(struct scheduler *s, struct task *t, const cothread_request *request)
{
    enum kind kind = objects[request->operation].kind;
    const struct kind_row *row = &kinds[kind];
    struct wait *w = &t->wait;
    void *memory = (void *)(uintptr_t)request->value;
    int rc;
    w->sends = objects[request->operation].sends;
    void *object = handle_object(&s->handles, kind, request->object, &rc);
    if (!object || (row->check && (rc = row->check(object, request->object, w, memory)) < 0)) {
        answer(s, t, KIND_NONE, rc);
        return;
    }
    rc = row->try(s, object, w, memory);
    if (rc != WOULD_WAIT) {
        answer(s, t, kind, rc);
        return;
    }
    wait_enter(s, t, kind, row->list(object, w), deadline_of(request));
    if (t->flags & TASK_CANCELLED)
        wait_end_unserved(s, w, COTHREAD_ECANCELED);
}

static void wait_for_descriptor(struct scheduler *s, struct task *t, const cothread_request *request)
{
    if (t->flags & TASK_CANCELLED) {
        answer(s, t, KIND_NONE, COTHREAD_ECANCELED);
    } else if (request->fd < 0) {
        t->flags |= TASK_IN_WAIT_UNTIL;
        wait_enter(s, t, KIND_NONE, NULL, deadline_of(request));
    } else if (!request->object || request->object & ~(int64_t)WAITABLE) {
        answer(s, t, KIND_NONE, COTHREAD_EINVAL);
        fail(COTHREAD_EINVAL, "events of a request are %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP", request->object);
    } else {
        int rc = descriptor_enter(s, t, request->fd, (uint32_t)request->object, deadline_of(request));
        if (rc < 0)
            answer(s, t, KIND_NONE, rc);
    }
}

static void begin_to_connect(struct scheduler *s, struct task *t, const cothread_request *request)
{
    int rc = t->flags & TASK_CANCELLED ? COTHREAD_ECANCELED : connect_for_host(s, &t->wait, request);
    if (rc == WOULD_WAIT)
        wait_enter(s, t, KIND_CONNECT, NULL, COTHREAD_FOREVER);
    else
        answer(s, t, KIND_CONNECT, rc);
}

static void serve(struct scheduler *s, struct task *t, const cothread_request *request)
{
    int rc;
    t->wait.value = 0; /* what an earlier wait left would arrive as this one's */
    switch (request->operation) {
    case COTHREAD_WAIT:
        wait_for_descriptor(s, t, request);
        break;
    case COTHREAD_UNLOCK:
        if ((rc = mutex_unlock(s, t, request->object)) < 0)
            answer(s, t, KIND_NONE, rc);
        break;
    case COTHREAD_WAIT_EVENT:
    case COTHREAD_WAIT_SEND:
    case COTHREAD_WAIT_RECEIVE:
    case COTHREAD_WAIT_LOCK:
    case COTHREAD_WAIT_ACQUIRE:
    case COTHREAD_WAIT_JOIN:
        wait_for_object(s, t, request);
        break;
    case COTHREAD_WAIT_ITEMS:
        items_begin(s, t, request);
        break;
    case COTHREAD_CONNECT:
        begin_to_connect(s, t, request);
        break;
    default:
        answer(s, t, KIND_NONE, fail(COTHREAD_EINVAL, "request operation %lld is unknown", request->operation));
    }
}

/* was_handed says whether an entry of the coming batch brings its task something, which would be lost without it. */
static bool was_handed(const struct task *t)
{
    if (t->state != TASK_READY || t->reason < 0 || t->wait.kind == KIND_NONE)
        return false;
    return t->wait.kind != KIND_ITEMS || items_keep(t->wait.items);
}

static bool holds_element(const struct task *t)
{
    return t->reason == 0 && t->wait.kind == KIND_CHANNEL && !t->wait.sends;
}

/* withdraw ends a host task's wait without putting it into a batch. */
static void withdraw(struct scheduler *s, struct task *t)
{
    t->flags &= (uint8_t)~TASK_IN_WAIT_UNTIL;
    descriptor_leave(s, &t->wait);
    if (t->state == TASK_WAITING) {
        wait_leave(s, &t->wait);
    } else if (t->state == TASK_READY) {
        wait_list_remove(&s->shared.host, &t->wait);
        if (holds_element(t))
            channel_forget(s, &t->wait);
        else if (t->reason == 0 && t->wait.kind == KIND_CONNECT)
            connect_forget(s, &t->wait);
    }
    if (t->wait.kind == KIND_ITEMS)
        items_forget(s, t);
    t->state = TASK_RUNNING;
}

int host_submit(struct scheduler *s)
{
    int64_t count = s->ring.request_count;
    if (count < 0 || count > RING_CAPACITY)
        return fail(COTHREAD_EINVAL, "request_count is %lld; the ring holds %lld", count, RING_CAPACITY);
    int rc = callbacks_reserve(s, (uint32_t)count);
    if (rc < 0)
        return rc;
    s->shared.notify = 0; /* the caller looks next, or settles */
    s->ring.request_count = 0;
    s->output_end = 0;
    for (int64_t i = 0; i < count; i++) {
        const cothread_request *request = &s->ring.requests[i];
        int error;
        if (request->operation >= COTHREAD_READ && request->operation <= COTHREAD_CLOSE) {
            transfer_request(s, request);
            continue;
        }
        struct task *t = handle_object(&s->handles, KIND_TASK, request->task, &error);
        if (!t || !(t->flags & TASK_HOST))
            continue; /* there is no task to wake with the error */
        if (was_handed(t) && request->operation != COTHREAD_FINISH)
            continue; /* its entry comes first */
        if (t->state != TASK_RUNNING)
            withdraw(s, t); /* of two requests the later one counts */
        if (request->operation == COTHREAD_FINISH)
            task_end(s, t, (uint64_t)request->value);
        else if (request->operation != COTHREAD_WITHDRAW)
            serve(s, t, request);
    }
    return (int)count;
}

/* ---- The batch ------------------------------------------------------------------------------------------ */

static cothread_ready entry_of(struct scheduler *s, struct task *t)
{
    struct wait *w = &t->wait;
    cothread_ready entry = {.token = t->token, .reason = t->reason, .value = (int64_t)w->value};
    if (t->reason > 0) { /* what the C call would return; as a reason it is taken */
        entry.reason = 0;
        entry.value = t->reason;
    } else if (t->reason == 0 && w->kind == KIND_CHANNEL) {
        if (!w->sends)
            channel_deliver(s, w, NULL);
        entry.value = 0;
    } else if (t->reason == 0 && w->events) { /* a descriptor's */
        entry.events = w->events;
        entry.value = 0;
    } else if (t->reason < 0) {
        if (w->kind == KIND_CONNECT)
            entry.events = (uint32_t)w->value;
        entry.value = 0;
    }
    descriptor_leave(s, w);
    return entry;
}

/* take_told puts what was told at once at the head of the batch; what finds no room stays for the next. */
static uint32_t take_told(struct scheduler *s)
{
    uint32_t count = s->shared.posted_count < RING_CAPACITY ? s->shared.posted_count : RING_CAPACITY;
    memcpy(s->ring.ready, s->told, count * sizeof *s->told);
    s->shared.posted_count -= count;
    memmove(s->told, s->told + count, s->shared.posted_count * sizeof *s->told);
    return count;
}

int host_batch(struct scheduler *s)
{
    cothread_ready *ready = s->ring.ready;
    struct wait_list *list = &s->shared.host;
    struct wait *last = list->first ? list->first->previous : NULL; /* what becomes ready from here on is the next batch's */
    size_t input = 0;
    happens_after(&s->shared.interrupted);
    uint32_t count = take_told(s);
    for (bool more = last; more && count < RING_CAPACITY;) {
        struct wait *w = list->first;
        struct task *t = w->task;
        more = w != last;
        if (w->flags & WAIT_OF_TRANSFER) {
            wait_list_remove(list, w);
            enum transfer_answer answer = transfer_entry(s, w, &ready[count], &input);
            count += answer == TRANSFER_ENTRY;
            if (answer == TRANSFER_NO_ROOM) {
                wait_list_prepend(list, w);
                break;
            }
            continue;
        }
        if (w->kind != KIND_ITEMS) {
            ready[count++] = entry_of(s, t);
        } else if (!items_collect(s, t)) {
            continue; /* it waits again */
        } else if (items_entry(s, t, &ready[count++])) {
            more = true;
            continue;
        }
        wait_list_remove(list, w);
        t->state = TASK_RUNNING;
        t->flags &= (uint8_t)~TASK_IN_WAIT_UNTIL;
    }
    s->ring.ready_count = count;
    if ((list->first || s->shared.posted_count) && s->shared.notify)
        switch_notify(s); /* there is another batch */
    return (int)count;
}
