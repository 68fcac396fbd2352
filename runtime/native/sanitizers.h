/* sanitizers.h - a host built with -fsanitize=address or thread is told of the tasks' stacks.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The sanitizer's runtime is in the program; its hooks are weak here, so that one library serves
 * every program, and the tests' own builds with -fsanitize too. Where they are missing the
 * switch does nothing for them: see exceptions_open. */
#ifndef NATIVE_SANITIZERS_H
#define NATIVE_SANITIZERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A build with -fsanitize=thread notes each call on the stack of the fiber it happens on. A function
 * that is entered on one fiber and left on another, or never, is not to be noted. One with
 * -fsanitize=address may have its locals in a frame elsewhere, which is gone as soon as the
 * sanitizer hears that nothing runs on this stack again. */
#define SANITIZERS_UNSEEN __attribute__((no_sanitize("thread", "address")))

/* Stays zero in a program without a sanitizer. */
struct sanitizers {
    bool on_task;  /* and not on the thread's own stack */
    bool left_own; /* by the last switch */
    /* ThreadSanitizer has a history and a stack of calls per fiber. A slot's tasks share one, as a
     * new one takes 0.4 ms. */
    void *own_fiber;
    void **fibers; /* by index of the task */
    uint32_t fibers_end;
    /* AddressSanitizer wants to know the bounds of the stack that is switched to. */
    const void *own_low;
    size_t own_size;
};

/* The stack of a task; low NULL: the thread's own. */
struct followed_stack {
    uint32_t index;
    char *low;
    size_t size;
};

/* ThreadSanitizer ends a program with more than 8128 threads and fibers. */
#define FIBERS_MAX 8000

/* sanitizers_present says whether the program has one that follows stacks. */
bool sanitizers_present(void);
/* sanitizers_spawned: a task begins on this stack. False: no fiber for it, see FIBERS_MAX. */
bool sanitizers_spawned(struct sanitizers *of, struct followed_stack stack) __attribute__((cold));
/* sanitizers_leave comes before a switch; *fake keeps what belongs to the stack that is left; NULL:
 * nothing runs there again. sanitizers_arrive comes behind it, with what was kept of the stack
 * arrived on; NULL: it is fresh. */
void sanitizers_leave(struct sanitizers *of, struct followed_stack to, void **fake)
    __attribute__((cold));
void sanitizers_arrive(struct sanitizers *of, void *fake) __attribute__((cold));
/* sanitizers_forget: the memory is no stack any more. */
void sanitizers_forget(void *low, size_t size);
void sanitizers_close(struct sanitizers *of);

#endif
