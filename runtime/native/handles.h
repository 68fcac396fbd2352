/* handles.h - slot tables, and the handles that name what lies in them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A handle, from the top bit: 0, scheduler (10 bits), kind (4), index (22), generation (27). It is never reused: a slot
 * whose generations are used up (134 million owners) is retired. Nothing here is ever unmapped: a thread that holds
 * a stale handle may look at any time, and finds another generation.
 */
#ifndef NATIVE_HANDLES_H
#define NATIVE_HANDLES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "kind.h"

#define CHUNK_BITS 12
#define INDEX_BITS 22
#define GENERATION_BITS 27
#define GENERATION_MAX ((1u << GENERATION_BITS) - 1)
#define KIND_SHIFT (INDEX_BITS + GENERATION_BITS)
#define SCHEDULER_SHIFT 53
#define SCHEDULERS 1000        /* that may live at a time */
#define SCHEDULER_NUMBERS 1023 /* a few more, as a number may be used up */
#define CHUNKS (1 << (INDEX_BITS - CHUNK_BITS))
#define SLOT_FREE (1u << 31) /* in a slot's generation: no handle names it now, and none its next owner */

/* A slot begins like this in every table. Free slots keep their generation, which was bumped on release. */
struct slot {
    uint32_t index, generation;
    struct slot *next_free;
};

/* A table grows by chunks. The first fields share a cache line with the first chunk, all that most programs have. */
struct table {
    struct slot *free;
    uint32_t used;    /* slots ever handed out are [first, used) */
    uint32_t first;
    uint32_t floor;   /* generations start above this: the table may have served another scheduler */
    uint32_t highest; /* generation handed out so far */
    _Atomic uint64_t living; /* objects; not counted for tasks */
    char *_Atomic chunks[CHUNKS];
};

/* All that one scheduler has; the first field of struct scheduler. */
struct handles {
    uint32_t number;      /* of the scheduler */
    uint32_t incarnation;
    bool usable;          /* by its thread; false: broken, or this is a forked child, where the kernel wipes this page */
    _Atomic cothread_handle owner; /* the scheduler's handle; 0: none lives here */
    /* A line of its own: posters read the one above, and the scheduler writes here with each callback. Together a post into a
     * busy loop took 125 ns instead of 55 (bench g). */
    _Alignas(64) struct table tables[KIND_TABLES];
};

static inline cothread_handle handle_of(const struct handles *h, enum kind kind, const void *slot)
{
    const struct slot *head = slot;
    return (int64_t)h->number << SCHEDULER_SHIFT | (int64_t)kind << KIND_SHIFT | (int64_t)head->index << GENERATION_BITS | head->generation;
}

/* handle_of_scheduler returns that of the scheduler that lives here, or is about to. */
static inline cothread_handle handle_of_scheduler(const struct handles *h)
{
    return (int64_t)h->number << SCHEDULER_SHIFT | (int64_t)KIND_SCHEDULER << KIND_SHIFT | h->incarnation;
}

static inline uint32_t handle_index(cothread_handle handle)
{
    return (uint32_t)(handle >> GENERATION_BITS) & ((1u << INDEX_BITS) - 1);
}

static inline uint32_t handle_generation(cothread_handle handle)
{
    return (uint32_t)handle & ((1u << GENERATION_BITS) - 1);
}

static inline enum kind handle_kind(cothread_handle handle)
{
    return (enum kind)((uint64_t)handle >> KIND_SHIFT & 15);
}

/* slot_at returns the slot with an index, or NULL if no slot near it was ever used. From any thread. */
static inline void *slot_at(struct handles *h, enum kind kind, uint32_t index)
{
    struct table *table = &h->tables[kind];
    char *chunk = atomic_load_explicit(&table->chunks[index >> CHUNK_BITS], memory_order_acquire);
    return __builtin_expect(chunk != NULL, 1) ? chunk + ((size_t)(index & ((1u << CHUNK_BITS) - 1)) << kind_slot_bits(kind)) : NULL;
}

/* handle_is_of says whether a handle is one of this scheduler's, by its number. */
static inline bool handle_is_of(const struct handles *h, cothread_handle handle)
{
    return (uint64_t)handle >> SCHEDULER_SHIFT == h->number;
}

/* handle_error says why a handle does not name an object of that kind. */
int handle_error(const struct handles *h, enum kind kind, cothread_handle handle) __attribute__((cold));

/* handle_object returns the object a handle names, or NULL with the reason in *error. */
static inline void *handle_object(struct handles *h, enum kind kind, cothread_handle handle, int *error)
{
    if (__builtin_expect((uint64_t)handle >> KIND_SHIFT == ((uint64_t)h->number << 4 | kind), 1)) {
        struct slot *slot = slot_at(h, kind, handle_index(handle));
        uint32_t generation = handle_generation(handle);
        if (__builtin_expect(slot && slot->generation == generation && generation != 0, 1)) /* 0: never handed out */
            return slot;
    }
    *error = handle_error(h, kind, handle);
    return NULL;
}

/* slot_allocate returns a slot with a fresh generation, the rest of it as its last owner left it (zero at first), or NULL;
 * slot_refused says why. slot_free makes its handle stale. */
void *slot_fresh(struct handles *h, enum kind kind) __attribute__((cold));
static inline void *slot_allocate(struct handles *h, enum kind kind)
{
    struct table *table = &h->tables[kind];
    struct slot *slot = table->free;
    if (__builtin_expect(!slot, 0))
        return slot_fresh(h, kind);
    table->free = slot->next_free;
    slot->generation &= ~SLOT_FREE;
    return slot;
}
int slot_refused(const struct handles *h, enum kind kind) __attribute__((cold));

/* slot_renew makes the handle of a slot stale and gives its owner the next one; false: the generations are used up, and
 * the owner has none. With `hidden` the next handle names nothing until slot_show, as after slot_hide. */
bool slot_retire(struct table *table, struct slot *slot) __attribute__((cold));
static inline bool slot_renew(struct handles *h, enum kind kind, void *renewed, bool hidden)
{
    struct table *table = &h->tables[kind];
    struct slot *slot = renewed;
    uint32_t generation = (slot->generation & ~SLOT_FREE) + 1;
    if (__builtin_expect(generation >= GENERATION_MAX, 0))
        return slot_retire(table, slot);
    if (generation > table->highest)
        table->highest = generation;
    slot->generation = hidden ? generation | SLOT_FREE : generation;
    return true;
}
void slot_show(void *slot);
void slot_hide(void *slot);

static inline void slot_free(struct handles *h, enum kind kind, void *freed)
{
    struct slot *slot = freed;
    if (!slot_renew(h, kind, slot, true))
        return;
    slot->next_free = h->tables[kind].free;
    h->tables[kind].free = slot;
}

/* object_allocate and object_free are these for the kinds that are counted, and object_allocate says why there is no slot. */
void *object_allocate(struct handles *h, enum kind kind, int *error);
void object_free(struct handles *h, enum kind kind, void *object);

/* handles_open returns the handles of a scheduler with a number of its own, at the start of `size` bytes that are zeroed
 * or as their last owner left them; or NULL with *error. handles_publish makes them known under the scheduler's handle, which
 * it returns. handles_close makes every handle stale and the number free. */
struct handles *handles_open(size_t size, int *error);
cothread_handle handles_publish(struct handles *h);
void handles_close(struct handles *h);

/* handles_at returns what a handle's number names, living or not; NULL: none ever had that number. handles_find returns
 * those of the scheduler a handle names; NULL if it is gone. Both from any thread: it may end at any moment after,
 * and what follows must check the handle again (the callback queue does). */
struct handles *handles_at(cothread_handle any_handle);
struct handles *handles_find(cothread_handle scheduler);

#endif
