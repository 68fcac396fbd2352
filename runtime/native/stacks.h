/* stacks.h - the stacks of a scheduler's tasks, by size class, and a pool that stays warm.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_STACKS_H
#define NATIVE_STACKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../cothread.h"

#define STACK_SMALLEST_CLASS 14 /* 16 KiB */
#define STACK_LARGEST_CLASS 30
#define STACK_GUARD 65536 /* below each stack, and not part of it: a function with so many locals cannot step over it */
#define STACK_CANARY 1    /* bit 0 of a stack's address: no guard was to be had, it has a pattern in its place */

struct stack_pool {
    struct stack_class {
        char **free; /* LIFO; [0, cold) hold no memory */
        size_t free_count, cold;
        char *fresh, *fresh_end; /* the rest of the newest slab */
    } classes[STACK_LARGEST_CLASS + 1];
    uint32_t *slabs; /* ours, in the table of all slabs */
    size_t slab_count;
    _Atomic int guard;
    _Atomic uint64_t made, bytes; /* stacks, in use or pooled; their address space */
};

int stack_pool_open(struct stack_pool *pool);
void stack_pool_close(struct stack_pool *pool);

/* stack_class_of returns the class of stacks of at least so many bytes. */
static inline int stack_class_of(uint32_t bytes)
{
    return bytes <= 1u << STACK_SMALLEST_CLASS ? STACK_SMALLEST_CLASS : 32 - __builtin_clz(bytes - 1);
}

/* stack_allocate returns a stack, or NULL. stack_free gives it back. */
char *stack_fresh(struct stack_pool *pool, int stack_class) __attribute__((cold));
static inline char *stack_allocate(struct stack_pool *pool, int stack_class)
{
    struct stack_class *class = &pool->classes[stack_class];
    size_t count = class->free_count;
    if (__builtin_expect(count == 0, 0))
        return stack_fresh(pool, stack_class);
    __atomic_store_n(&class->free_count, --count, __ATOMIC_RELAXED); /* statistics read it */
    if (class->cold > count)
        class->cold = count;
    return class->free[count];
}

static inline void stack_free(struct stack_pool *pool, int stack_class, char *stack)
{
    struct stack_class *class = &pool->classes[stack_class];
    class->free[class->free_count] = stack;
    __atomic_store_n(&class->free_count, class->free_count + 1, __ATOMIC_RELAXED);
}

/* The guard lies at [stack_low, stack_base), the stack at [stack_base, stack_base + its size). */
static inline char *stack_low(char *stack)
{
    return stack - ((uintptr_t)stack & STACK_CANARY);
}

static inline char *stack_base(char *stack)
{
    return stack_low(stack) + STACK_GUARD;
}

/* stack_trim returns pooled stacks beyond the warm ones to the system, a slice at a time; true: more is left. */
bool stack_trim(struct stack_pool *pool);
/* stack_overflowed says whether a stack's canary is gone. */
bool stack_overflowed(char *stack);
void stack_statistics(const struct stack_pool *pool, cothread_stats *stats);
/* stack_find returns the low end of the guard that `address` lies in, and its stack's size; or NULL. In signal handlers. */
char *stack_find(const void *address, size_t *size);

#endif
