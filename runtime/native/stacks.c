/* stacks.c - stacks in slabs, a guard below each, and a pool that stays warm.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A slab is one mapping cut into guards and stacks of one size class. The guard is one of
 *   guarded by the kernel  0.39 us, no mapping of its own: a million guarded stacks in 25 mappings (Linux 6.13)
 *   protected              2.0 us and two mappings: Linux's default limit comes at 32 753 stacks; then
 *   a canary               a pattern checked at each switch away
 * Measured in a loop over 20 000 stacks of 64 KB with a guard of one page. Free stacks are a LIFO: a first touch costs
 * 2 us, a warm stack none. */
#include "stacks.h"

#include <pthread.h>
#include <string.h>

#include "../../system/system.h"
#include "handles.h" /* INDEX_BITS: as many stacks as tasks */
#include "sanitizers.h"

#define CANARY UINT64_C(0x636f746872656164)
#define SLAB_SIZE (UINT64_C(16) << 20)
#define WARM 1024      /* free stacks that keep their memory, per class */
#define TRIM_SLICE 512 /* stacks per call of stack_trim: at 1.5 us each (the same loop, discarding) below a millisecond */

struct slab {
    char *_Atomic low; /* published last, withdrawn first: the overflow handler may look at any moment */
    size_t size, stride; /* of a guard and its stack */
    uint32_t next_free;  /* of a withdrawn entry: one more than the next such entry's index; 0: none */
};

/* All slabs of the process, for the overflow handler. */
#define SLABS (1 << 17)
static struct slab *_Atomic all_slabs;
static _Atomic uint32_t slab_count;
static uint32_t free_slabs; /* entries below slab_count that are free again, as next_free */
static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;

#define FREE_LIMIT ((size_t)1 << INDEX_BITS)

int stack_pool_open(struct stack_pool *pool)
{
    if (!atomic_load(&all_slabs)) {
        struct slab *table = system_reserve(SLABS * sizeof *table), *none = NULL;
        if (!table)
            return COTHREAD_ENOMEM;
        if (!atomic_compare_exchange_strong(&all_slabs, &none, table))
            system_unreserve(table, SLABS * sizeof *table);
    }
    memset(pool->classes, 0, sizeof pool->classes);
    pool->slab_count = 0;
    pool->guard = COTHREAD_GUARD_KERNEL;
    pool->made = pool->bytes = 0;
    pool->slabs = system_reserve(SLABS * sizeof *pool->slabs);
    return pool->slabs ? 0 : COTHREAD_ENOMEM;
}

void stack_pool_close(struct stack_pool *pool)
{
    struct slab *table = atomic_load(&all_slabs);
    for (size_t i = 0; i < pool->slab_count; i++) {
        struct slab *slab = &table[pool->slabs[i]];
        size_t size = slab->size;
        char *low = atomic_exchange(&slab->low, NULL);
        sanitizers_forget(low, size); /* for the next owner of these addresses */
        system_unreserve(low, size);
    }
    pthread_mutex_lock(&registering);
    for (size_t i = 0; i < pool->slab_count; i++) {
        table[pool->slabs[i]].next_free = free_slabs;
        free_slabs = 1 + pool->slabs[i];
    }
    pthread_mutex_unlock(&registering);
    for (int c = 0; c <= STACK_LARGEST_CLASS; c++)
        if (pool->classes[c].free)
            system_unreserve(pool->classes[c].free, FREE_LIMIT * sizeof(char *));
    if (pool->slabs)
        system_unreserve(pool->slabs, SLABS * sizeof *pool->slabs);
    pool->slabs = NULL;
}

/* slab_register enters a mapping for the overflow handler, or returns false: the table is full. */
static bool slab_register(struct stack_pool *pool, char *low, size_t size, size_t stride)
{
    struct slab *table = atomic_load(&all_slabs);
    pthread_mutex_lock(&registering);
    uint32_t count = atomic_load(&slab_count), entry = count;
    if (free_slabs) {
        entry = free_slabs - 1;
        free_slabs = table[entry].next_free;
    }
    bool ok = entry < SLABS;
    if (ok) {
        table[entry].size = size;
        table[entry].stride = stride;
        atomic_store(&table[entry].low, low);
        if (entry == count)
            atomic_store(&slab_count, count + 1);
        pool->slabs[pool->slab_count++] = entry;
    }
    pthread_mutex_unlock(&registering);
    return ok;
}

/* guard makes what lies below a new stack fault, and returns the stack; with STACK_CANARY set if it has a canary instead. */
static char *guard(struct stack_pool *pool, char *stack)
{
    int kind = system_guard(stack, STACK_GUARD, atomic_load_explicit(&pool->guard, memory_order_relaxed));
    atomic_store_explicit(&pool->guard, kind, memory_order_relaxed); /* what the statistics say: the weakest in use */
    if (kind != COTHREAD_GUARD_CANARY)
        return stack;
    *((uint64_t *)(void *)stack_base(stack) - 1) = CANARY;
    return stack + STACK_CANARY;
}

char *stack_fresh(struct stack_pool *pool, int stack_class)
{
    struct stack_class *class = &pool->classes[stack_class];
    size_t stride = STACK_GUARD + ((size_t)1 << stack_class);
    if (class->fresh == class->fresh_end) {
        size_t size = stride > SLAB_SIZE ? stride : SLAB_SIZE / stride * stride;
        if (!class->free && !(class->free = system_reserve(FREE_LIMIT * sizeof *class->free)))
            return NULL;
        char *slab = system_reserve(size);
        if (!slab)
            return NULL;
        if (!slab_register(pool, slab, size, stride)) {
            system_unreserve(slab, size);
            return NULL;
        }
        system_small_pages(slab, size); /* or one touch may cost 2 MB */
        class->fresh = slab;
        class->fresh_end = slab + size;
        atomic_store_explicit(&pool->bytes, pool->bytes + size, memory_order_relaxed);
    }
    char *stack = class->fresh;
    class->fresh += stride;
    atomic_store_explicit(&pool->made, pool->made + 1, memory_order_relaxed);
    return guard(pool, stack);
}

bool stack_trim(struct stack_pool *pool)
{
    for (int c = STACK_SMALLEST_CLASS; c <= STACK_LARGEST_CLASS; c++) {
        struct stack_class *class = &pool->classes[c];
        if (class->free_count <= WARM + class->cold)
            continue;
        size_t end = class->free_count - WARM;
        if (end > class->cold + TRIM_SLICE)
            end = class->cold + TRIM_SLICE;
        for (; class->cold < end; class->cold++)
            system_discard(stack_base(class->free[class->cold]), (size_t)1 << c);
        return true;
    }
    return false;
}

bool stack_overflowed(char *stack)
{
    return ((uintptr_t)stack & STACK_CANARY) && *((const uint64_t *)(const void *)stack_base(stack) - 1) != CANARY;
}

void stack_statistics(const struct stack_pool *pool, cothread_stats *stats)
{
    stats->guard = (uint32_t)atomic_load_explicit(&pool->guard, memory_order_relaxed);
    uint64_t made = atomic_load_explicit(&pool->made, memory_order_relaxed), pooled = 0;
    for (int c = 0; c <= STACK_LARGEST_CLASS; c++)
        pooled += __atomic_load_n(&pool->classes[c].free_count, __ATOMIC_RELAXED);
    stats->stacks_pooled = pooled < made ? pooled : made;
    stats->stacks_in_use = made - stats->stacks_pooled;
    stats->stack_bytes = atomic_load_explicit(&pool->bytes, memory_order_relaxed);
}

char *stack_find(const void *address, size_t *size)
{
    struct slab *table = atomic_load(&all_slabs);
    uint32_t count = atomic_load(&slab_count);
    for (uint32_t i = 0; i < count; i++) {
        char *low = atomic_load(&table[i].low);
        if (!low || (const char *)address < low || (const char *)address >= low + table[i].size)
            continue;
        size_t offset = (size_t)((const char *)address - low) % table[i].stride;
        *size = table[i].stride - STACK_GUARD;
        return offset < STACK_GUARD ? (char *)(uintptr_t)address - offset : NULL;
    }
    return NULL;
}
