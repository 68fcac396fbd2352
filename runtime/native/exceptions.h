/* exceptions.h - what C++ keeps per thread about exceptions, kept per task.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A C++ runtime has a list of the exceptions being handled, and a count of those in flight, for
 * each thread. Tasks share a thread: one that waits inside a catch block, or in a destructor
 * while the stack unwinds, would find those of another. So the switch puts the lists away and
 * empties them, if there is anything in them, and brings them back. */
#ifndef NATIVE_EXCEPTIONS_H
#define NATIVE_EXCEPTIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unwind.h>

/* The first 16 bytes behind __cxa_get_globals, as the C++ ABI for Itanium (2.2.2) has it. */
struct exception_list {
    void *caught;
    unsigned int uncaught;
};

/* Runtimes that a process may have: libstdc++.so, libc++abi.so, and one inside the program or a
 * plugin. */
#define EXCEPTION_RUNTIMES 4

struct exceptions {
    const struct exception_list *looked_at; /* by each switch: the only list; or one always empty, or never */
    struct exception_list *lists[EXCEPTION_RUNTIMES]; /* of the thread */
    uint32_t count; /* of lists: the runtimes that were asked */
    uint32_t ticks;
};

/* What a parked stack keeps of its own. */
struct exceptions_kept {
    struct exception_list lists[EXCEPTION_RUNTIMES];
};

/* exceptions_register adds a runtime's __cxa_get_globals, from any thread. 0, also if it is
 * known, or an error. */
int exceptions_register(void *(*globals)(void));

/* exceptions_open finds the runtimes there are and the lists of the calling thread, the
 * scheduler's. `careful`: each switch is to find something to put away. */
void exceptions_open(struct exceptions *e, bool careful);
void exceptions_refresh(struct exceptions *e) __attribute__((cold));

extern _Atomic uint32_t exception_runtimes; /* known so far */

/* exceptions_tick notices at once a runtime that was registered, and within 64 ticks one that
 * came with a dlopen: to ask the linker costs 22 ns (a million calls of dl_iterate_phdr that
 * stop at once), a tick 165. */
static inline void exceptions_tick(struct exceptions *e)
{
    if (__builtin_expect(e->count != atomic_load_explicit(&exception_runtimes, memory_order_acquire) || ++e->ticks % 64 == 0, 0))
        exceptions_refresh(e);
}

/* exceptions_present says that the switch has something to put away, or may have: with a second
 * runtime it looks at all. */
static inline bool exceptions_present(const struct exceptions *e)
{
    return ((uintptr_t)e->looked_at->caught | e->looked_at->uncaught) != 0;
}

void exceptions_put_away(struct exceptions *e, struct exceptions_kept *kept);
void exceptions_bring_back(struct exceptions *e, const struct exceptions_kept *kept);

/* Stands in the first function on a task's stack. An unwinder that searches for a handler and
 * gets there has found none: exception_leaves names the task, and the runtime ends the program
 * with the stack as it was at the throw. 0x1b: relative to this place, 4 bytes. */
#define NAME_TASK_IF_EXCEPTION_LEAVES() __asm__ volatile(".cfi_personality 0x1b, exception_leaves")
_Unwind_Reason_Code exception_leaves(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
                                     struct _Unwind_Exception *exception, struct _Unwind_Context *context)
    __attribute__((cold, used));

#endif
