/* channel.c - elements of a fixed size, FIFO, in a buffer or from hand to hand.
 * SPDX-License-Identifier: Apache-2.0
 *
 * While a task waits, its element lies in its wait, or in a cell if it is larger than 8 bytes: the caller's memory is
 * copied from before a send suspends and to after a receive has resumed. A cell is taken before the wait begins, so that the
 * other side cannot fail, and goes back when the wait has ended. A host task's receive always has one, which also
 * knows where its element is to go; that of an item has it if the element is large.
 *
 * A channel that other threads may send to has an inbox (callback/inbox.h) in place of its buffer. Whoever sends to it, tasks
 * too, puts the element there and no more: a signal handler may do that, whatever it interrupts. Tasks that wait for
 * elements are served at the beginning of the next tick; tasks that wait for room whenever something was taken. */
#include "channel.h"

#include <stdio.h>

#include "../../system/system.h"
#include "wait.h"

struct channel {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list senders, receivers;
    size_t element_size, capacity, count, head;
    char *elements;
    struct inbox *inbox; /* in their place, if other threads may send; NULL: they may not */
    bool done;
};
_Static_assert(sizeof(struct channel) <= 128, "a channel fits its slot");

/* ---- Cells ------------------------------------------------------------------------------------------ */

struct cell {
    struct cell *next_free;
    struct cell *next_made; /* all that this scheduler has: some are lost with the tasks that a destroy abandons */
    void *into;        /* of a receive by a host task or an item */
    uint32_t class, size; /* log2 of the room; bytes of the element */
    uint64_t bytes[];
};

static struct cell *cell_allocate(struct scheduler *s, size_t size)
{
    uint32_t class = size <= 8 ? 3 : 64 - (uint32_t)__builtin_clzll(size - 1);
    struct cell *cell = s->free_cells[class];
    if (cell) {
        s->free_cells[class] = cell->next_free;
    } else {
        if (!(cell = system_allocate(1, sizeof *cell + ((size_t)1 << class))))
            return NULL;
        cell->next_made = s->cells;
        s->cells = cell;
    }
    cell->class = class;
    cell->size = (uint32_t)size;
    return cell;
}

static void cell_free(struct scheduler *s, struct cell *cell)
{
    cell->next_free = s->free_cells[cell->class];
    s->free_cells[cell->class] = cell;
}

void channel_free_cells(struct scheduler *s)
{
    for (struct cell *cell; (cell = s->cells);) {
        s->cells = cell->next_made;
        system_free(cell);
    }
    memset(s->free_cells, 0, sizeof s->free_cells);
}

static bool in_cell(const struct channel *channel, const struct wait *w)
{
    return channel->element_size > 8 || (!w->sends && w->flags & WAIT_OF_HOST);
}

static inline void copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8); /* pointers and counters: no call */
    else if (size)
        memcpy(to, from, size);
}

/* place_of returns where the element of a wait lies, or is to be put. */
static inline void *place_of(const struct channel *channel, struct wait *w)
{
    return __builtin_expect(in_cell(channel, w), 0) ? (void *)w->cell->bytes : (void *)&w->value;
}

/* ---- The buffer --------------------------------------------------------------------------------------- */

static void *element_at(struct channel *channel, size_t position)
{
    position += channel->head;
    if (position >= channel->capacity)
        position -= channel->capacity;
    return channel->elements + position * channel->element_size;
}

static void store(struct channel *channel, const void *element)
{
    if (channel->element_size)
        copy(element_at(channel, channel->count), element, channel->element_size);
    channel->count++;
}

/* end_send ends the wait of a sender whose element was taken. */
static void end_send(struct scheduler *s, struct channel *channel, struct wait *sender)
{
    if (in_cell(channel, sender))
        cell_free(s, sender->cell);
    wait_end(s, sender, 0);
}

/* ---- What other threads may send to ---------------------------------------------------------------------- */

static struct inbox *inbox_at(struct scheduler *s, uint32_t index)
{
    struct inbox *chunk = atomic_load_explicit(&s->inboxes[index >> CHUNK_BITS], memory_order_acquire);
    return chunk ? &chunk[index & ((1u << CHUNK_BITS) - 1)] : NULL;
}

static struct inbox *inbox_reserve(struct scheduler *s, uint32_t index)
{
    if (!inbox_at(s, index)) {
        struct inbox *chunk = system_reserve(sizeof *chunk << CHUNK_BITS);
        if (!chunk)
            return NULL;
        atomic_store_explicit(&s->inboxes[index >> CHUNK_BITS], chunk, memory_order_release);
    }
    return inbox_at(s, index);
}

/* push puts an inbox where channels_arrive finds it, and ends the scheduler's sleep. */
static void push(struct scheduler *s, struct inbox *inbox)
{
    inbox->next_told = atomic_load_explicit(&s->told_inboxes, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&s->told_inboxes, &inbox->next_told, inbox))
        ;
    if (!atomic_exchange(&s->shared.arrived, 1))
        queue_wake(&s->queue);
}

/* tell has the scheduler look at an inbox, if it is still the one of that handle. */
static void tell(struct scheduler *s, cothread_handle owner, struct inbox *inbox)
{
    atomic_fetch_add(&s->queue.wakers, 1); /* scheduler.c's release waits for us, or we see that it has begun */
    if (atomic_load(&s->handles.owner) == owner && inbox_tell(inbox))
        push(s, inbox);
    atomic_fetch_sub(&s->queue.wakers, 1);
}

/* offer sends without waiting: 0, or a code. From any thread. */
static int offer(struct scheduler *s, struct inbox *inbox, cothread_handle owner, cothread_handle handle, const void *element)
{
    int rc = inbox_offer(inbox, handle, element);
    if (rc == 0 && inbox_wants(inbox))
        tell(s, owner, inbox);
    return rc;
}

static inline uint64_t count_of(const struct channel *channel)
{
    return __builtin_expect(channel->inbox != NULL, 0) ? inbox_pending(channel->inbox) : channel->count;
}

/* listen asks to be told of elements: a task is about to wait for one. */
static inline void listen(struct scheduler *s, const struct channel *channel)
{
    if (__builtin_expect(channel->inbox && inbox_listen(channel->inbox), 0))
        push(s, channel->inbox);
}

/* ---- Giving and taking ---------------------------------------------------------------------------------- */

int channel_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory)
{
    const struct channel *channel = object;
    if (channel->element_size && !memory)
        return fail(COTHREAD_EINVAL, "element is NULL, but the channel's elements have %lld bytes", channel->element_size);
    if (!channel->done)
        return 0;
    if (w->sends)
        return fail(COTHREAD_ECLOSED, "cothread_channel_done was called on channel %lld", handle);
    if (count_of(channel) == 0)
        return fail(COTHREAD_ECLOSED, "channel %lld is empty and no more will be sent", handle);
    return 0;
}

/* push_element puts an element where a receiver finds it; false: there is no room. */
static inline bool push_element(struct scheduler *s, struct channel *channel, const void *element)
{
    struct wait *receiver = channel->receivers.first;
    if (receiver) {
        copy(place_of(channel, receiver), element, channel->element_size);
        wait_end(s, receiver, 0);
        return true;
    }
    if (channel->count == channel->capacity)
        return false;
    store(channel, element);
    return true;
}

/* take takes the oldest element out of an inbox, and lets in those of tasks that wait for room. Threads may be quicker. */
static bool take(struct scheduler *s, struct channel *channel, void *element)
{
    if (!inbox_pop(channel->inbox, element))
        return false;
    if (__builtin_expect(inbox_remind(channel->inbox), 0))
        push(s, channel->inbox);
    cothread_handle handle = handle_of(&s->handles, KIND_CHANNEL, channel);
    for (struct wait *sender; (sender = channel->senders.first);) {
        if (offer(s, channel->inbox, s->handles.owner, handle, place_of(channel, sender)) != 0)
            break;
        end_send(s, channel, sender);
    }
    return true;
}

/* serve hands what is in an inbox to the tasks that wait for it. */
static void serve(struct scheduler *s, struct channel *channel)
{
    for (struct wait *receiver; (receiver = channel->receivers.first);) {
        if (!take(s, channel, place_of(channel, receiver)))
            break;
        wait_end(s, receiver, 0);
    }
}

/* take_in_turn is take for a task that comes now: behind those that wait. Not inlined, as the code of other channels is hot. */
static __attribute__((noinline)) bool take_in_turn(struct scheduler *s, struct channel *channel, void *element)
{
    serve(s, channel);
    return !channel->receivers.first && take(s, channel, element);
}

/* pop_element takes the oldest element; false: there is none. */
static inline bool pop_element(struct scheduler *s, struct channel *channel, void *element)
{
    struct wait *sender = channel->senders.first;
    if (__builtin_expect(channel->inbox != NULL, 0))
        return take_in_turn(s, channel, element);
    if (channel->count) {
        copy(element, element_at(channel, 0), channel->element_size);
        channel->count--;
        channel->head = channel->head + 1 == channel->capacity ? 0 : channel->head + 1;
        if (sender) {
            store(channel, place_of(channel, sender));
            end_send(s, channel, sender);
        }
        return true;
    }
    if (!sender)
        return false;
    copy(element, place_of(channel, sender), channel->element_size);
    end_send(s, channel, sender);
    return true;
}

/* prepare_cell gives a wait room for its element, if it has too little itself. */
static inline int prepare_cell(struct scheduler *s, const struct channel *channel, struct wait *w, void *into)
{
    if (__builtin_expect(!in_cell(channel, w), 1))
        return 0;
    if (!(w->cell = cell_allocate(s, channel->element_size)))
        return fail(COTHREAD_ENOMEM, "no memory for an element of %lld bytes", channel->element_size);
    w->cell->into = into;
    return 0;
}

/* refused records why nothing was sent to an inbox. */
static int refused(int rc, cothread_handle handle)
{
    switch (rc) {
    case COTHREAD_EINVAL: return fail(rc, "element is NULL, but the elements of channel %lld have bytes", handle);
    case COTHREAD_EFULL: return fail(rc, "channel %lld is full: wait with a deadline, or make it larger", handle);
    case COTHREAD_ETIMEDOUT: return fail(rc, "channel %lld was still full at the deadline", handle);
    case COTHREAD_ECLOSED: return fail(rc, "cothread_channel_done was called on channel %lld, or it was closed", handle);
    case COTHREAD_EDEAD: return fail(rc, "the scheduler of channel %lld is being destroyed, or gone", handle);
    default: return fail(COTHREAD_EHANDLE, "channel %lld was closed", handle);
    }
}

/* give_in_turn sends to an inbox behind the tasks that wait for room there: 0, or a code. */
static int give_in_turn(struct scheduler *s, const struct channel *channel, const void *element)
{
    if (channel->senders.first)
        return COTHREAD_EFULL;
    return offer(s, channel->inbox, s->handles.owner, handle_of(&s->handles, KIND_CHANNEL, channel), element);
}

int channel_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    struct channel *channel = object;
    int rc;
    w->size = (uint32_t)channel->element_size;
    if (w->sends) {
        if (__builtin_expect(channel->inbox != NULL, 0)) {
            if ((rc = give_in_turn(s, channel, memory)) != COTHREAD_EFULL)
                return rc ? refused(rc, handle_of(&s->handles, KIND_CHANNEL, channel)) : 0;
        } else if (push_element(s, channel, memory)) {
            return 0;
        }
        if ((rc = prepare_cell(s, channel, w, NULL)) < 0)
            return rc;
        copy(place_of(channel, w), memory, channel->element_size);
        return WOULD_WAIT;
    }
    if ((rc = prepare_cell(s, channel, w, memory)) < 0)
        return rc;
    if (pop_element(s, channel, place_of(channel, w)))
        return 0;
    listen(s, channel);
    return WOULD_WAIT;
}

struct wait_list *channel_list(void *object, const struct wait *w)
{
    struct channel *channel = object;
    return w->sends ? &channel->senders : &channel->receivers;
}

void channel_leave(struct scheduler *s, struct wait *w)
{
    if (in_cell(wait_object(w), w))
        cell_free(s, w->cell);
}

void channel_deliver(struct scheduler *s, struct wait *w, void *element)
{
    if (w->size > 8 || w->flags & WAIT_OF_HOST) {
        copy(w->cell->into, w->cell->bytes, w->cell->size);
        cell_free(s, w->cell);
    } else {
        copy(element, &w->value, w->size);
    }
    w->value = 0;
}

void channel_forget(struct scheduler *s, struct wait *w)
{
    cell_free(s, w->cell);
}

int channel_keep(struct scheduler *s, const void *object, void **element)
{
    size_t size = ((const struct channel *)object)->element_size;
    struct cell *cell = NULL;
    if (size) {
        if (!(cell = cell_allocate(s, size)))
            return fail(COTHREAD_ENOMEM, "no memory for an element of %lld bytes", size);
        memcpy(cell->bytes, *element, size);
    }
    *element = cell ? cell->bytes : NULL;
    return 0;
}

void channel_drop(struct scheduler *s, void *element)
{
    if (element)
        cell_free(s, (struct cell *)(void *)((char *)element - offsetof(struct cell, bytes)));
}

int channel_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    struct channel *channel = object;
    wait_end_all(s, &channel->senders, COTHREAD_ECLOSED);
    wait_end_all(s, &channel->receivers, COTHREAD_ECLOSED);
    channel_free(s, channel);
    object_free(&s->handles, KIND_CHANNEL, object);
    return 0;
}

void channel_free(struct scheduler *s, void *object)
{
    struct channel *channel = object;
    system_free(channel->elements);
    channel->elements = NULL;
    if (channel->inbox) {
        inbox_close(channel->inbox, s->handles.owner ? COTHREAD_EHANDLE : COTHREAD_EDEAD);
        inbox_free(channel->inbox);
        channel->inbox = NULL;
    }
}

void channel_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct channel *channel = object;
    snprintf(text, size, "%llu of %zu elements%s", (unsigned long long)count_of(channel), channel->capacity, channel->done ? ", no more will be sent" : "");
}

/* ---- Calls ------------------------------------------------------------------------------------------------ */

/* open_inbox gives a channel an inbox; if that fails, there is no channel. */
static cothread_handle open_inbox(struct scheduler *s, struct channel *channel)
{
    cothread_handle handle = handle_of(&s->handles, KIND_CHANNEL, channel);
    struct inbox *inbox = inbox_reserve(s, channel->index);
    if (inbox && inbox_open(inbox, handle, channel->element_size, channel->capacity) == 0) {
        channel->inbox = inbox;
        return handle;
    }
    object_free(&s->handles, KIND_CHANNEL, channel);
    return fail(COTHREAD_ENOMEM, "no memory for %lld elements of %lld bytes", channel->capacity, channel->element_size);
}

cothread_handle channel_create(struct scheduler *s, size_t element_size, size_t capacity, uint32_t flags)
{
    int error;
    char *elements = NULL;
    bool from_threads = flags & COTHREAD_FROM_THREADS;
    if (element_size && capacity && !from_threads && !(elements = system_allocate(capacity, element_size)))
        return fail(COTHREAD_ENOMEM, "no memory for %lld elements of %lld bytes", capacity, element_size);
    struct channel *channel = object_allocate(&s->handles, KIND_CHANNEL, &error);
    if (!channel) {
        system_free(elements);
        return error;
    }
    channel->senders.first = channel->receivers.first = NULL;
    channel->element_size = element_size;
    channel->capacity = capacity;
    channel->count = channel->head = 0;
    channel->elements = elements;
    channel->inbox = NULL;
    channel->done = false;
    return from_threads ? open_inbox(s, channel) : handle_of(&s->handles, KIND_CHANNEL, channel);
}

/* send_to_inbox is for the scheduler's thread. With COTHREAD_NOW it may be a signal handler that interrupted anything: the
 * task's wait and the lists are left alone. */
static __attribute__((noinline)) int send_to_inbox(struct scheduler *s, struct channel *channel, cothread_handle handle, const void *element, int64_t deadline)
{
    if (channel->element_size && !element)
        return refused(COTHREAD_EINVAL, handle);
    int rc = give_in_turn(s, channel, element);
    if (rc == 0) {
        if (deadline != COTHREAD_NOW)
            wait_satisfied(s, deadline);
        return 0;
    }
    if (rc != COTHREAD_EFULL || deadline == COTHREAD_NOW)
        return refused(rc, handle);
    struct wait *w = wait_of_caller(s);
    w->sends = true;
    if ((rc = wait_refused(s, deadline)) != 0 || (rc = prepare_cell(s, channel, w, NULL)) != 0)
        return rc;
    copy(place_of(channel, w), element, channel->element_size);
    return wait_here(s, KIND_CHANNEL, &channel->senders, deadline);
}

int channel_send(struct scheduler *s, cothread_handle handle, const void *element, int64_t deadline)
{
    int rc;
    struct channel *channel = handle_object(&s->handles, KIND_CHANNEL, handle, &rc);
    if (!channel)
        return rc;
    if (__builtin_expect(channel->inbox != NULL, 0))
        return send_to_inbox(s, channel, handle, element, deadline);
    struct wait *w = wait_of_caller(s);
    w->sends = true;
    if ((rc = channel_check(channel, handle, w, element)) != 0)
        return rc;
    if (push_element(s, channel, element)) {
        wait_satisfied(s, deadline);
        return 0;
    }
    if ((rc = wait_refused(s, deadline)) != 0 || (rc = prepare_cell(s, channel, w, NULL)) != 0)
        return rc;
    copy(place_of(channel, w), element, channel->element_size);
    return wait_here(s, KIND_CHANNEL, &channel->senders, deadline);
}

int channel_receive(struct scheduler *s, cothread_handle handle, void *element, int64_t deadline)
{
    int rc;
    struct channel *channel = handle_object(&s->handles, KIND_CHANNEL, handle, &rc);
    if (!channel)
        return rc;
    struct wait *w = wait_of_caller(s);
    w->sends = false;
    if ((rc = channel_check(channel, handle, w, element)) != 0)
        return rc;
    if (pop_element(s, channel, element)) {
        wait_satisfied(s, deadline);
        return 0;
    }
    if ((rc = wait_refused(s, deadline)) != 0 || (rc = prepare_cell(s, channel, w, NULL)) != 0)
        return rc;
    listen(s, channel);
    size_t size = channel->element_size; /* the channel may be closed by the time this task runs */
    if ((rc = wait_here(s, KIND_CHANNEL, &channel->receivers, deadline)) < 0)
        return rc;
    if (__builtin_expect(size > 8, 0)) {
        copy(element, w->cell->bytes, size);
        cell_free(s, w->cell);
    } else {
        copy(element, &w->value, size);
    }
    return 0;
}

int channel_done(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct channel *channel = handle_object(&s->handles, KIND_CHANNEL, handle, &error);
    if (!channel)
        return error;
    if (channel->done)
        return fail(COTHREAD_ECLOSED, "cothread_channel_done was called on channel %lld already", handle);
    channel->done = true;
    wait_end_all(s, &channel->senders, COTHREAD_ECLOSED);
    if (channel->inbox) {
        inbox_close(channel->inbox, COTHREAD_ECLOSED);
        serve(s, channel); /* what is just being sent was accepted */
    }
    wait_end_all(s, &channel->receivers, COTHREAD_ECLOSED);
    return 0;
}

/* ---- Other threads ----------------------------------------------------------------------------------------- */

/* is_newer says whether a handle was given out after the one that an inbox has, or had last. */
static bool is_newer(cothread_handle handle, const struct inbox *inbox)
{
    return handle_generation(handle) > handle_generation(atomic_load(&inbox->owner));
}

int channel_send_from_outside(cothread_handle handle, const void *element, int64_t deadline)
{
    struct scheduler *s = (struct scheduler *)handles_at(handle);
    struct inbox *inbox = s && handle_kind(handle) == KIND_CHANNEL ? inbox_at(s, handle_index(handle)) : NULL;
    if (!inbox || is_newer(handle, inbox))
        return COTHREAD_ETHREAD;
    cothread_handle owner = atomic_load(&s->handles.owner);
    int rc = offer(s, inbox, owner, handle, element);
    if (rc == COTHREAD_EFULL && deadline != COTHREAD_NOW) {
        rc = inbox_send(inbox, handle, element, deadline);
        if (rc == 0 && inbox_wants(inbox))
            tell(s, owner, inbox);
        if (rc == COTHREAD_EHANDLE)
            rc = COTHREAD_ECLOSED; /* while it waited */
    }
    return rc ? refused(rc, handle) : 0;
}

/* each_told takes up the inboxes that channels_arrive is to look at, in the order in which they were told. */
static void each_told(struct scheduler *s, void (*visit)(struct scheduler *s, struct channel *channel))
{
    struct inbox *told = atomic_exchange(&s->told_inboxes, NULL), *first = NULL;
    while (told) {
        struct inbox *next = told->next_told;
        told->next_told = first;
        first = told;
        told = next;
    }
    while (first) {
        struct inbox *inbox = first;
        struct channel *channel = slot_at(&s->handles, KIND_CHANNEL, handle_index(inbox->owner));
        first = inbox->next_told;
        inbox_heard(inbox); /* from here on it may be told again */
        if (visit && channel->inbox == inbox) /* else it was closed since */
            visit(s, channel);
    }
}

static void arrive(struct scheduler *s, struct channel *channel)
{
    serve(s, channel);
    if (channel->receivers.first)
        listen(s, channel);
}

void channels_arrive(struct scheduler *s)
{
    each_told(s, arrive);
}

void channels_forget(struct scheduler *s)
{
    each_told(s, NULL);
}

void channels_refuse(struct scheduler *s)
{
    const struct table *table = &s->handles.tables[KIND_CHANNEL];
    for (uint32_t i = table->first; i < table->used; i++) {
        struct channel *channel = slot_at(&s->handles, KIND_CHANNEL, i);
        if (channel->inbox)
            inbox_close(channel->inbox, COTHREAD_EDEAD);
    }
}
