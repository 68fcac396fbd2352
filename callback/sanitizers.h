/* sanitizers.h - ThreadSanitizer in the host learns what a post orders.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The library as shipped is not built with it, so it does not see the queue's atomic operations;
 * its runtime, in the program, is found by weak symbols. A build with -fsanitize=thread sees
 * them, and is told nothing that could hide a missing one. */
#ifndef CALLBACK_SANITIZERS_H
#define CALLBACK_SANITIZERS_H

#ifndef __SANITIZE_THREAD__
extern void __tsan_acquire(void *address) __attribute__((weak, visibility("default")));
extern void __tsan_release(void *address) __attribute__((weak, visibility("default")));
/* Go's race detector has functions of the same two names that take other arguments; not this one. */
extern void *__tsan_get_current_fiber(void) __attribute__((weak, visibility("default")));
#endif

/* What the thread did before happens before what follows happens_after of the same address. */
static inline void happens_before(const void *address)
{
#ifndef __SANITIZE_THREAD__
    if (__builtin_expect(__tsan_get_current_fiber != 0, 0))
        __tsan_release((void *)address);
#else
    (void)address;
#endif
}

static inline void happens_after(const void *address)
{
#ifndef __SANITIZE_THREAD__
    if (__builtin_expect(__tsan_get_current_fiber != 0, 0))
        __tsan_acquire((void *)address);
#else
    (void)address;
#endif
}

#endif
