/* handles.c - slot tables and the table of schedulers. Nothing here is ever unmapped: a thread that holds a
 * stale handle may look at any time, and finds another generation.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A handle, from the top bit: 0, scheduler (10), kind (4), index (22), generation (27). A slot whose generations
 * are used up (134 million owners) is retired, a scheduler's number likewise, so a handle never comes again. */
#include "native.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#define GENERATION_MAX ((1u << GENERATION_BITS) - 1)
#define SLOTS_MAX ((1u << INDEX_BITS) - 1)

static struct scheduler *_Atomic schedulers[SCHEDULERS + 1]; /* by number; 0 is no number */
static bool taken[SCHEDULERS + 1];
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int handle_error(struct scheduler *s, enum kind kind, cothread_handle handle)
{
    enum kind given = kind_in(handle);
    if (handle <= 0)
        return fail(COTHREAD_EHANDLE, "handle %lld is no handle: check what the call that made it returned", handle);
    if ((uint64_t)handle >> 53 != s->number) {
        if (scheduler_numbered(handle))
            return fail(COTHREAD_ETHREAD, "handle %lld belongs to another thread's scheduler", handle);
        return fail(COTHREAD_EHANDLE, "handle %lld is of no living scheduler", handle);
    }
    if (given != kind) {
        static const char *const kinds[KIND_SCHEDULER + 1] = {
            [KIND_TASK] = "a task", [KIND_EVENT] = "an event", [KIND_CHANNEL] = "a channel", [KIND_MUTEX] = "a mutex",
            [KIND_SEMAPHORE] = "a semaphore", [KIND_GROUP] = "a task group", [KIND_ADOPTED] = "an adopted descriptor",
            [KIND_MAILBOX] = "a mailbox", [KIND_SCHEDULER] = "a scheduler"};
        char text[128];
        snprintf(text, sizeof text, "handle %lld is %s, where %s is wanted", (long long)handle,
                 kinds[given] ? kinds[given] : "nothing the library made", kinds[kind]);
        return fail_text(COTHREAD_EHANDLE, text);
    }
    return fail(COTHREAD_EHANDLE, "handle %lld is stale: its object was joined, closed or released", handle);
}

void *slot_fresh(struct scheduler *s, enum kind kind)
{
    struct table *table = &s->tables[kind];
    uint32_t index = table->used;
    if (index >= SLOTS_MAX)
        return NULL;
    uint32_t number = index >> CHUNK_BITS;
    char *chunk = atomic_load_explicit(&table->chunks[number], memory_order_relaxed);
    if (!chunk) {
        chunk = map(slot_size(kind) << CHUNK_BITS);
        if (!chunk)
            return NULL;
        atomic_store_explicit(&table->chunks[number], chunk, memory_order_release);
    }
    table->used++;
    struct slot *slot = slot_at(s, kind, index);
    slot->index = index;
    slot->generation = table->floor + 1;
    return slot;
}

int slot_refused(const struct scheduler *s, enum kind kind)
{
    if (s->tables[kind].used >= SLOTS_MAX)
        return fail(COTHREAD_ELIMIT, "%lld objects of this kind exist already", SLOTS_MAX);
    return fail(COTHREAD_ENOMEM, "no memory for one object more");
}

void slot_release(struct scheduler *s, enum kind kind, void *released)
{
    struct table *table = &s->tables[kind];
    struct slot *slot = released;
    slot->generation++;
    if (slot->generation > table->highest)
        table->highest = slot->generation;
    if (__builtin_expect(slot->generation >= GENERATION_MAX, 0))
        return; /* retired */
    slot->generation |= SLOT_FREE;
    slot->next_free = table->free;
    table->free = slot;
}

struct scheduler *scheduler_open(int *error)
{
    struct scheduler *s = NULL;
    uint32_t number;
    pthread_mutex_lock(&opening);
    for (number = 1; number <= SCHEDULERS && taken[number]; number++)
        ;
    if (number > SCHEDULERS) {
        *error = fail(COTHREAD_ELIMIT, "%lld schedulers live already", SCHEDULERS);
    } else {
        s = atomic_load(&schedulers[number]);
        if (!s && (s = map(sizeof *s)) != NULL)
            atomic_store(&schedulers[number], s);
        if (s)
            taken[number] = true;
        else
            *error = fail(COTHREAD_ENOMEM, "no memory for a scheduler");
    }
    pthread_mutex_unlock(&opening);
    if (!s)
        return NULL;
    s->number = number;
    return s;
}

void scheduler_close(struct scheduler *s)
{
    bool reusable = ++s->incarnation < GENERATION_MAX;
    for (int kind = 0; kind < KIND_TABLES; kind++) {
        struct table *table = &s->tables[kind];
        if (table->used && table->floor + 1 > table->highest)
            table->highest = table->floor + 1;
        for (uint32_t i = 0; i << CHUNK_BITS < table->used; i++) {
            char *chunk = atomic_load_explicit(&table->chunks[i], memory_order_relaxed);
            /* A `mailbox` is written by other threads: its slots keep their state. The others go back to zero. */
            if (kind != KIND_MAILBOX && madvise(chunk, slot_size((enum kind)kind) << CHUNK_BITS, MADV_DONTNEED) != 0)
                memset(chunk, 0, slot_size((enum kind)kind) << CHUNK_BITS); /* locked memory (mlockall) */
        }
        if (kind == KIND_MAILBOX)
            continue; /* its free list lives on */
        table->floor = table->highest;
        table->used = 0;
        table->free = NULL;
        if (table->floor > GENERATION_MAX / 2)
            reusable = false;
    }
    for (size_t i = 0; i < sizeof s->names / sizeof s->names[0]; i++)
        if (s->names[i])
            madvise(s->names[i], sizeof *s->names[i] << CHUNK_BITS, MADV_DONTNEED);
    if (reusable) {
        pthread_mutex_lock(&opening);
        taken[s->number] = false;
        pthread_mutex_unlock(&opening);
    }
}

struct scheduler *scheduler_at(cothread_handle handle)
{
    uint64_t number = (uint64_t)handle >> 53;
    if (handle <= 0 || number == 0 || number > SCHEDULERS)
        return NULL;
    return atomic_load_explicit(&schedulers[number], memory_order_acquire);
}

struct scheduler *scheduler_numbered(cothread_handle handle)
{
    struct scheduler *s = scheduler_at(handle);
    return s && atomic_load_explicit(&s->handle, memory_order_acquire) ? s : NULL;
}

struct scheduler *scheduler_find(cothread_handle handle)
{
    struct scheduler *s = scheduler_numbered(handle);
    return s && atomic_load_explicit(&s->handle, memory_order_acquire) == handle ? s : NULL;
}

int set_name(struct scheduler *s, struct task *task, const char *name)
{
    uint32_t number = task->index >> CHUNK_BITS;
    char(*names)[32] = s->names[number];
    if (!names) {
        if (!name)
            return 0;
        names = map(sizeof *names << CHUNK_BITS);
        if (!names)
            return COTHREAD_ENOMEM;
        s->names[number] = names;
    }
    char *row = names[task->index & ((1u << CHUNK_BITS) - 1)];
    if (name) {
        size_t length = strnlen(name, 31);
        memcpy(row, name, length);
        row[length] = 0;
    } else if (*row) {
        *row = 0;
    }
    return 0;
}

const char *native_name(struct scheduler *s, const struct task *task)
{
    char(*names)[32] = s->names[task->index >> CHUNK_BITS];
    return names ? names[task->index & ((1u << CHUNK_BITS) - 1)] : "";
}
