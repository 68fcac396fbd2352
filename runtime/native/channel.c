/* channel.c - elements of a fixed size, FIFO, in a buffer or from hand to hand.
 * SPDX-License-Identifier: Apache-2.0
 *
 * While a task waits, its element lies in its wait, or in a cell if it is larger than 8 bytes: the caller's memory is
 * copied from before a send suspends and to after a receive has resumed. A cell is taken before the wait begins, so that the
 * other side cannot fail, and goes back when the wait has ended. A host task's receive always has one, which also
 * knows where its element is to go; that of an item has it if the element is large. */
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
    if (channel->count == 0)
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

/* pop_element takes the oldest element; false: there is none. */
static inline bool pop_element(struct scheduler *s, struct channel *channel, void *element)
{
    struct wait *sender = channel->senders.first;
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

int channel_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    struct channel *channel = object;
    int rc;
    w->size = (uint32_t)channel->element_size;
    if (w->sends) {
        if (push_element(s, channel, memory))
            return 0;
        if ((rc = prepare_cell(s, channel, w, NULL)) < 0)
            return rc;
        copy(place_of(channel, w), memory, channel->element_size);
        return WOULD_WAIT;
    }
    if ((rc = prepare_cell(s, channel, w, memory)) < 0)
        return rc;
    return pop_element(s, channel, place_of(channel, w)) ? 0 : WOULD_WAIT;
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
    (void)s;
    struct channel *channel = object;
    system_free(channel->elements);
    channel->elements = NULL;
}

void channel_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct channel *channel = object;
    snprintf(text, size, "%zu of %zu elements%s", channel->count, channel->capacity, channel->done ? ", no more will be sent" : "");
}

/* ---- Calls ------------------------------------------------------------------------------------------------ */

cothread_handle channel_create(struct scheduler *s, size_t element_size, size_t capacity)
{
    int error;
    char *elements = NULL;
    if (element_size && capacity && !(elements = system_allocate(capacity, element_size)))
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
    channel->done = false;
    return handle_of(&s->handles, KIND_CHANNEL, channel);
}

int channel_send(struct scheduler *s, cothread_handle handle, const void *element, int64_t deadline)
{
    int rc;
    struct channel *channel = handle_object(&s->handles, KIND_CHANNEL, handle, &rc);
    if (!channel)
        return rc;
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
    wait_end_all(s, &channel->receivers, COTHREAD_ECLOSED);
    return 0;
}
