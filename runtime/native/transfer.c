/* transfer.c - what a host reads, writes and accepts in batches.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A foreign call costs some hosts more than a read. So they ask in the ring for what is to be read and written, and find in
 * the batch what has come: the bytes lie in two arenas that both sides see. Writes are tried when the request is taken, reads
 * when the batch is built. What the system does not take of a write is kept here until it does, and the host is told. */
#include "transfer.h"

#include "../../system/system.h"
#include "adopted.h"
#include "callbacks.h"
#include "wait.h"

enum reading { READING_NOTHING, READING_BYTES, READING_CONNECTIONS };

#define READ_MOST 65536           /* of one descriptor in one batch: all get their turn */
#define UNSENT_MOST (4u << 20)    /* of one descriptor: a host that goes on writing is told EFULL */
#define UNSENT_KEPT ((size_t)65536) /* of memory for it, while nothing is unsent: of thousands of descriptors few are slow at a time */

/* ---- Coming and going ----------------------------------------------------------------------------------------- */

static struct transfer *create(struct scheduler *s, cothread_handle handle)
{
    struct transfer *t = s->free_transfers;
    if (t) {
        s->free_transfers = t->next_free;
    } else {
        if (!(t = system_allocate(1, sizeof *t)))
            return NULL;
        t->in.flags = t->out.flags = WAIT_OF_TRANSFER;
        t->in.kind = t->out.kind = KIND_ADOPTED;
        t->out.sends = true;
        t->in.task = t->out.task = slot_at(&s->handles, KIND_TASK, s->handles.tables[KIND_TASK].first); /* a block to look at */
        t->next_made = s->transfers;
        s->transfers = t;
    }
    t->handle = handle;
    t->reading = READING_NOTHING;
    t->closing = t->lost = false;
    return t;
}

void transfer_drop_unsent(struct transfer *t)
{
    t->unsent_from = t->unsent_to = 0;
    if (t->unsent_room > UNSENT_KEPT) {
        system_free(t->unsent);
        t->unsent = NULL;
        t->unsent_room = 0;
    }
}

void transfers_close(struct scheduler *s)
{
    for (struct transfer *t; (t = s->transfers);) {
        s->transfers = t->next_made;
        system_free(t->unsent);
        system_free(t);
    }
    s->free_transfers = NULL;
}

static void *adopted_of(struct scheduler *s, const struct transfer *t)
{
    int error;
    return t->lost ? NULL : handle_object(&s->handles, KIND_ADOPTED, t->handle, &error);
}

/* unlist takes a wait out of the list it stands in, of its descriptor or of the ready host tasks. */
static void unlist(struct scheduler *s, struct wait *w, bool *ready)
{
    if (w->list)
        wait_list_remove(w->list, w);
    else if (*ready)
        wait_list_remove(&s->shared.host, w);
    w->list = NULL;
    *ready = false;
}

static void close_now(struct scheduler *s, struct transfer *t)
{
    unlist(s, &t->in, &t->in_ready);
    unlist(s, &t->out, &t->out_ready);
    kinds[KIND_ADOPTED].close(s, adopted_of(s, t), t->handle);
}

/* ---- Requests --------------------------------------------------------------------------------------------------- */

/* go_on has a wait looked at when there is something: at its report, or in the batch to come. */
static void go_on(struct scheduler *s, void *adopted, struct wait *w, uint32_t direction)
{
    w->reason = 0;
    if (!adopted_list_wait(s, adopted, w, direction))
        wait_ready_transfer(s, w);
}

static void read_on(struct scheduler *s, struct transfer *t, void *adopted, enum reading reading, uint32_t most)
{
    t->reading = (uint8_t)reading;
    t->most = most;
    if (!t->in.list && !t->in_ready)
        go_on(s, adopted, &t->in, COTHREAD_READABLE);
}

static int keep_unsent(struct transfer *t, const char *data, size_t size)
{
    size_t kept = t->unsent_to - t->unsent_from;
    if (kept + size > UNSENT_MOST)
        return fail(COTHREAD_EFULL, "%lld bytes are unsent, and at most %lld may be", kept, UNSENT_MOST);
    if (t->unsent_to + size > t->unsent_room) {
        if (kept)
            memmove(t->unsent, t->unsent + t->unsent_from, kept);
        t->unsent_from = 0;
        t->unsent_to = kept;
        if (2 * (kept + size) > t->unsent_room) { /* as much again comes before they are moved again: no byte is moved twice */
            char *grown = system_resize(t->unsent, 2 * (kept + size));
            if (!grown)
                return fail(COTHREAD_ENOMEM, "no memory for %lld unsent bytes", kept + size);
            t->unsent = grown;
            t->unsent_room = 2 * (kept + size);
        }
    }
    memcpy(t->unsent + t->unsent_to, data, size);
    t->unsent_to += size;
    return 0;
}

/* write_on writes what it can and keeps the rest; an error is told at once. */
static void write_on(struct scheduler *s, struct transfer *t, void *adopted, const char *data, size_t size)
{
    size_t written = 0;
    int64_t error = t->unsent_to > t->unsent_from ? -EAGAIN : adopted_write_now(s, adopted, data, size, &written);
    cothread_ready entry = {.token = t->token, .reason = COTHREAD_WRITTEN};
    if (error == 0)
        return;
    if (error != -EAGAIN) {
        entry.reason = COTHREAD_ESYSTEM;
        entry.events = (uint32_t)-error;
        entry.value = (int64_t)(size - written);
        fail(COTHREAD_ESYSTEM, "write failed with errno %lld", -error);
    } else if ((entry.reason = keep_unsent(t, data + written, size - written)) < 0) {
        entry.value = (int64_t)(size - written);
    } else {
        entry.reason = COTHREAD_WRITTEN;
        entry.value = (int64_t)(t->unsent_to - t->unsent_from);
        if (!t->out.list && !t->out_ready)
            go_on(s, adopted, &t->out, COTHREAD_WRITABLE);
    }
    callbacks_tell_host(s, &entry);
}

static void close_transfer(struct scheduler *s, struct transfer *t, bool now)
{
    t->reading = READING_NOTHING;
    unlist(s, &t->in, &t->in_ready);
    if (now || t->unsent_to == t->unsent_from)
        close_now(s, t);
    else
        t->closing = true;
}

static void refuse(struct scheduler *s, const cothread_request *request, int error)
{
    callbacks_tell_host(s, &(cothread_ready){.token = (uint64_t)request->object, .reason = error});
}

/* placed returns where the bytes of a write lie in ring.output, and counts them; < 0: not in it. */
static int64_t placed(struct scheduler *s, const cothread_request *request)
{
    int64_t start = request->value == COTHREAD_BEHIND ? s->output_end : request->value;
    if (request->fd < 0 || start < 0 || start > (int64_t)ARENA_SIZE - request->fd)
        return -1;
    s->output_end = start + request->fd;
    return start;
}

void transfer_request(struct scheduler *s, const cothread_request *request)
{
    int error;
    int64_t start = request->operation == COTHREAD_WRITE ? placed(s, request) : 0; /* also of one that is refused */
    void *adopted = handle_object(&s->handles, KIND_ADOPTED, request->task, &error);
    if (!adopted) {
        refuse(s, request, error);
        return;
    }
    struct transfer *t = *adopted_transfer(adopted);
    if (!t && !(t = *adopted_transfer(adopted) = create(s, request->task))) {
        refuse(s, request, fail(COTHREAD_ENOMEM, "no memory to read and write descriptors in batches"));
        return;
    }
    if (t->closing && request->operation != COTHREAD_CLOSE) {
        refuse(s, request, fail(COTHREAD_ECLOSED, "COTHREAD_CLOSE was asked for handle %lld", request->task));
        return;
    }
    t->token = (uint64_t)request->object;
    switch (request->operation) {
    case COTHREAD_READ:
        if (request->fd < 0)
            refuse(s, request, fail(COTHREAD_EINVAL, "fd of COTHREAD_READ is %lld: bytes, or 0 until paused", request->fd));
        else
            read_on(s, t, adopted, READING_BYTES, (uint32_t)request->fd);
        break;
    case COTHREAD_ACCEPT:
        read_on(s, t, adopted, READING_CONNECTIONS, 0);
        break;
    case COTHREAD_PAUSE:
        t->reading = READING_NOTHING;
        unlist(s, &t->in, &t->in_ready);
        break;
    case COTHREAD_WRITE:
        if (start < 0)
            refuse(s, request, fail(COTHREAD_EINVAL, "COTHREAD_WRITE of %lld bytes at %lld is outside of ring.output", request->fd, request->value));
        else
            write_on(s, t, adopted, s->ring.output + start, (size_t)request->fd);
        break;
    case COTHREAD_CLOSE:
        close_transfer(s, t, request->deadline == COTHREAD_NOW);
        break;
    }
}

/* ---- The batch ---------------------------------------------------------------------------------------------------- */

static enum transfer_answer stop_reading(struct transfer *t, cothread_ready *entry, int reason, uint32_t error)
{
    t->reading = READING_NOTHING;
    entry->reason = reason;
    entry->events = error;
    return TRANSFER_ENTRY;
}

static enum transfer_answer accept_one(struct scheduler *s, struct transfer *t, void *adopted, cothread_ready *entry)
{
    int64_t accepted = adopted_accept_now(s, adopted);
    if (accepted != WOULD_WAIT && accepted < 0)
        return stop_reading(t, entry, (int)accepted, (uint32_t)errno);
    go_on(s, adopted, &t->in, COTHREAD_READABLE);
    if (accepted == WOULD_WAIT)
        return TRANSFER_NOTHING;
    entry->reason = COTHREAD_ACCEPTED;
    entry->value = accepted;
    return TRANSFER_ENTRY;
}

static enum transfer_answer read_some(struct scheduler *s, struct transfer *t, void *adopted, cothread_ready *entry, size_t *used)
{
    size_t most = t->most && t->most < READ_MOST ? t->most : READ_MOST;
    if (most > ARENA_SIZE - *used)
        return t->in_ready = true, TRANSFER_NO_ROOM;
    int64_t n = adopted_read_now(s, adopted, s->ring.input + *used, most);
    if (n == 0)
        return stop_reading(t, entry, COTHREAD_END, 0);
    if (n < 0 && n != -EAGAIN)
        return stop_reading(t, entry, fail(COTHREAD_ESYSTEM, "read failed with errno %lld", -n), (uint32_t)-n);
    if (n > 0 && t->most)
        t->reading = READING_NOTHING;
    else
        go_on(s, adopted, &t->in, COTHREAD_READABLE);
    if (n < 0)
        return TRANSFER_NOTHING;
    entry->reason = COTHREAD_DATA;
    entry->events = (uint32_t)n;
    entry->value = (int64_t)*used;
    *used += (size_t)n;
    entry->item = (uint32_t)*used;
    return TRANSFER_ENTRY;
}

static enum transfer_answer write_rest(struct scheduler *s, struct transfer *t, void *adopted, cothread_ready *entry)
{
    size_t written = 0;
    int64_t error = adopted_write_now(s, adopted, t->unsent + t->unsent_from, t->unsent_to - t->unsent_from, &written);
    t->unsent_from += written;
    if (error == -EAGAIN) {
        go_on(s, adopted, &t->out, COTHREAD_WRITABLE);
        return TRANSFER_NOTHING;
    }
    if (error < 0) {
        entry->reason = fail(COTHREAD_ESYSTEM, "write failed with errno %lld", -error);
        entry->events = (uint32_t)-error;
        entry->value = (int64_t)(t->unsent_to - t->unsent_from);
    } else {
        entry->reason = COTHREAD_WRITTEN;
    }
    transfer_drop_unsent(t);
    if (t->closing)
        close_now(s, t);
    return TRANSFER_ENTRY;
}

enum transfer_answer transfer_entry(struct scheduler *s, struct wait *w, cothread_ready *entry, size_t *used)
{
    struct transfer *t = transfer_of(w);
    void *adopted = adopted_of(s, t);
    enum transfer_answer answer = TRANSFER_ENTRY;
    *(w->sends ? &t->out_ready : &t->in_ready) = false;
    *entry = (cothread_ready){.token = t->token};
    if (!adopted) {
        entry->reason = COTHREAD_ECLOSED;
        entry->value = w->sends ? (int64_t)(t->unsent_to - t->unsent_from) : 0;
        transfer_release(s, t);
    } else if (w->sends) {
        answer = write_rest(s, t, adopted, entry);
    } else if (t->reading == READING_CONNECTIONS) {
        answer = accept_one(s, t, adopted, entry);
    } else {
        answer = read_some(s, t, adopted, entry, used);
    }
    return answer;
}
