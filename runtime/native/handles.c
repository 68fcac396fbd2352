/* handles.c - slot tables, and the table of schedulers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "handles.h"

#include <pthread.h>
#include <stdio.h>

#include "../../system/system.h"

#define SLOTS_MAX ((1u << INDEX_BITS) - 1)

static struct handles *_Atomic all[SCHEDULER_NUMBERS + 1]; /* by number; 0 is no number */
static bool taken[SCHEDULER_NUMBERS + 1];
static int living;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

int handle_error(const struct handles *h, enum kind kind, cothread_handle handle)
{
    enum kind given = handle_kind(handle);
    if (handle <= 0)
        return fail(COTHREAD_EHANDLE, "handle %lld is no handle: check what the call that made it returned", handle);
    if ((uint64_t)handle >> SCHEDULER_SHIFT != h->number) {
        const struct handles *other = handles_at(handle);
        if (other && atomic_load(&other->owner))
            return fail(COTHREAD_ETHREAD, "handle %lld belongs to another thread's scheduler", handle);
        return fail(COTHREAD_EHANDLE, "handle %lld is of no living scheduler", handle);
    }
    if (given != kind) {
        char text[128];
        snprintf(text, sizeof text, "handle %lld is %s, where %s is wanted", (long long)handle,
                 kinds[given].name ? kinds[given].name : "nothing the library made", kinds[kind].name);
        return fail_text(COTHREAD_EHANDLE, text);
    }
    return fail(COTHREAD_EHANDLE, "handle %lld is stale: its object was joined, closed or released", handle);
}

/* ---- Slots ---------------------------------------------------------------------------------------- */

void *slot_fresh(struct handles *h, enum kind kind)
{
    struct table *table = &h->tables[kind];
    uint32_t index = table->used;
    if (index >= SLOTS_MAX)
        return NULL;
    char *chunk = atomic_load_explicit(&table->chunks[index >> CHUNK_BITS], memory_order_relaxed);
    if (!chunk) {
        chunk = system_reserve((size_t)1 << (CHUNK_BITS + kind_slot_bits(kind)));
        if (!chunk)
            return NULL;
        atomic_store_explicit(&table->chunks[index >> CHUNK_BITS], chunk, memory_order_release);
    }
    table->used++;
    struct slot *slot = slot_at(h, kind, index);
    slot->index = index;
    slot->generation = table->floor + 1;
    return slot;
}

int slot_refused(const struct handles *h, enum kind kind)
{
    if (h->tables[kind].used >= SLOTS_MAX)
        return fail(COTHREAD_ELIMIT, "%lld objects of this kind exist already", SLOTS_MAX);
    return fail(COTHREAD_ENOMEM, "no memory for one object more");
}

bool slot_retire(struct table *table, struct slot *slot)
{
    table->highest = GENERATION_MAX;
    slot->generation = GENERATION_MAX | SLOT_FREE; /* in no handle */
    return false;
}

void slot_show(void *shown)
{
    struct slot *slot = shown;
    slot->generation &= ~SLOT_FREE;
}

void slot_hide(void *hidden)
{
    struct slot *slot = hidden;
    slot->generation |= SLOT_FREE;
}

static void count(struct table *table, uint64_t by)
{
    atomic_store_explicit(&table->living, atomic_load_explicit(&table->living, memory_order_relaxed) + by, memory_order_relaxed);
}

void *object_allocate(struct handles *h, enum kind kind, int *error)
{
    void *object = slot_allocate(h, kind);
    if (object)
        count(&h->tables[kind], 1);
    else
        *error = slot_refused(h, kind);
    return object;
}

void object_free(struct handles *h, enum kind kind, void *object)
{
    count(&h->tables[kind], (uint64_t)-1);
    slot_free(h, kind, object);
}

/* ---- Schedulers ----------------------------------------------------------------------------------- */

struct handles *handles_open(size_t size, int *error)
{
    struct handles *h = NULL;
    uint32_t number;
    pthread_mutex_lock(&opening);
    for (number = 1; number <= SCHEDULER_NUMBERS && taken[number]; number++)
        ;
    if (living == SCHEDULERS) {
        *error = fail(COTHREAD_ELIMIT, "%lld schedulers live already", SCHEDULERS);
    } else if (number > SCHEDULER_NUMBERS) {
        *error = fail(COTHREAD_ELIMIT, "the handles of all %lld schedulers are used up", SCHEDULER_NUMBERS);
    } else {
        h = atomic_load(&all[number]);
        if (!h && (h = system_reserve(size)) != NULL) {
            system_forget_in_children(h, 4096); /* at least: whole pages. Where it cannot be done, fork's handler is left */
            h->number = number;
            atomic_store(&all[number], h); /* from here on other threads may read it */
        }
        if (h) {
            taken[number] = true;
            living++;
        } else {
            *error = fail(COTHREAD_ENOMEM, "no memory for a scheduler");
        }
    }
    pthread_mutex_unlock(&opening);
    return h;
}

cothread_handle handles_publish(struct handles *h)
{
    cothread_handle owner = handle_of_scheduler(h);
    atomic_store(&h->owner, owner);
    return owner;
}

/* renew makes every handle of a table stale. Its next owner goes on above the generations of the last; when these come to an
 * end, behind the slots that it used. False: of those too many are used up. */
static bool renew(struct table *table)
{
    if (table->used > table->first && table->floor + 1 > table->highest)
        table->highest = table->floor + 1;
    table->floor = table->highest;
    if (table->floor > GENERATION_MAX / 2) {
        table->first = table->used;
        table->floor = table->highest = 0;
    }
    table->used = table->first;
    table->free = NULL;
    return table->first < SLOTS_MAX / 2;
}

void handles_close(struct handles *h)
{
    bool reusable = ++h->incarnation < GENERATION_MAX;
    for (int kind = 0; kind < KIND_TABLES; kind++) {
        struct table *table = &h->tables[kind];
        atomic_store(&table->living, 0);
        if (kind == KIND_MAILBOX)
            continue; /* written by other threads: its slots keep their state, and its free list lives on */
        for (uint32_t i = 0; i << CHUNK_BITS < table->used; i++)
            system_clear(atomic_load_explicit(&table->chunks[i], memory_order_relaxed), (size_t)1 << (CHUNK_BITS + kind_slot_bits((enum kind)kind)));
        reusable = renew(table) && reusable;
    }
    pthread_mutex_lock(&opening);
    living--;
    if (reusable)
        taken[h->number] = false;
    pthread_mutex_unlock(&opening);
}

struct handles *handles_at(cothread_handle handle)
{
    uint64_t number = (uint64_t)handle >> SCHEDULER_SHIFT;
    if (handle <= 0 || number == 0 || number > SCHEDULER_NUMBERS)
        return NULL;
    return atomic_load_explicit(&all[number], memory_order_acquire);
}

struct handles *handles_find(cothread_handle handle)
{
    struct handles *h = handles_at(handle);
    return h && handle == atomic_load_explicit(&h->owner, memory_order_acquire) ? h : NULL;
}
