/* sanitizers.c - see sanitizers.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sanitizers.h"

#include <stdatomic.h>

#include "../../system/system.h"
#include "handles.h" /* INDEX_BITS */

#pragma GCC visibility push(default)
#define HOOK(result, name, ...) extern result name(__VA_ARGS__) __attribute__((weak))
HOOK(void, __sanitizer_start_switch_fiber, void **fake, const void *bottom, size_t size);
HOOK(void, __sanitizer_finish_switch_fiber, void *fake, const void **bottom, size_t *size);
HOOK(void, __asan_unpoison_memory_region, void const volatile *address, size_t size);
HOOK(void *, __tsan_get_current_fiber, void);
HOOK(void *, __tsan_create_fiber, unsigned flags);
HOOK(void, __tsan_destroy_fiber, void *fiber);
HOOK(void, __tsan_switch_to_fiber, void *fiber, unsigned flags);
#pragma GCC visibility pop

static _Atomic uint32_t fibers; /* of all schedulers */

bool sanitizers_present(void)
{
    return __sanitizer_start_switch_fiber || __tsan_switch_to_fiber;
}

/* fiber_for gives the task with that index a fiber, unless its slot has one already. */
static bool fiber_for(struct sanitizers *of, uint32_t index)
{
    if (!of->fibers && !(of->fibers = system_reserve(sizeof *of->fibers << INDEX_BITS)))
        return false;
    if (!of->fibers[index]) {
        if (atomic_fetch_add(&fibers, 1) >= FIBERS_MAX) {
            atomic_fetch_sub(&fibers, 1);
            return false;
        }
        of->fibers[index] = __tsan_create_fiber(0);
        if (index >= of->fibers_end)
            of->fibers_end = index + 1;
    }
    return true;
}

bool sanitizers_spawned(struct sanitizers *of, struct followed_stack stack)
{
    sanitizers_forget(stack.low, stack.size); /* frames that its last task never left */
    return !__tsan_create_fiber || fiber_for(of, stack.index);
}

SANITIZERS_UNSEEN void sanitizers_leave(struct sanitizers *of, struct followed_stack to, void **fake)
{
    if (__sanitizer_start_switch_fiber)
        __sanitizer_start_switch_fiber(fake, to.low ? to.low : of->own_low,
                                       to.low ? to.size : of->own_size);
    if (__tsan_switch_to_fiber) {
        if (!of->on_task)
            of->own_fiber = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(to.low ? of->fibers[to.index] : of->own_fiber, 0);
    }
    of->left_own = !of->on_task;
    of->on_task = to.low != NULL;
}

SANITIZERS_UNSEEN void sanitizers_arrive(struct sanitizers *of, void *fake)
{
    if (__sanitizer_finish_switch_fiber) {
        const void *low;
        size_t size;
        __sanitizer_finish_switch_fiber(fake, &low, &size);
        if (of->left_own) {
            of->own_low = low;
            of->own_size = size;
        }
    }
}

void sanitizers_forget(void *low, size_t size)
{
    if (__asan_unpoison_memory_region)
        __asan_unpoison_memory_region(low, size);
}

void sanitizers_close(struct sanitizers *of)
{
    for (uint32_t i = 0; i < of->fibers_end; i++)
        if (of->fibers[i]) {
            __tsan_destroy_fiber(of->fibers[i]);
            atomic_fetch_sub(&fibers, 1);
        }
    if (of->fibers)
        system_unreserve(of->fibers, sizeof *of->fibers << INDEX_BITS);
    *of = (struct sanitizers){0};
}
