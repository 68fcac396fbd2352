/* process.h - what the library changes in the process that loads it: docs/in-your-process.md lists
 * it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTEM_PROCESS_H
#define SYSTEM_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* process_start starts Go's runtime unless it runs, and sees to it that threads are there for it.
 * Loading starts nothing: a program that never creates a scheduler has no thread, no memory and no
 * limit changed, and a child forked until then may create one. From any thread. Returns 0, or what
 * is missing, and then a later call tries again. */
enum process_lack {
    PROCESS_NO_THREAD = 1,     /* PROCESS_THREADS threads, and one more for each further scheduler, cannot be made */
    PROCESS_NO_ADDRESS_SPACE,  /* RLIMIT_AS leaves less than PROCESS_ADDRESS_SPACE */
    PROCESS_SMALL_SIGNAL_STACK /* the calling thread has one of its own of less than PROCESS_SIGNAL_STACK bytes */
};
int process_start(void);

/* process_scheduler_gone is called once for each process_start that returned 0, when its scheduler
 * is gone. */
void process_scheduler_gone(void);

/* process_runtime_runs is called by the runtime once it has initialised everything. */
void process_runtime_runs(void);

/* process_threads counts the threads that run Go's runtime. */
int process_threads(void);

/* process_make_thread makes a thread of the library's own that runs function(argument): detached, with
 * every signal blocked but those of faults, which go to the handlers that the process has; with a
 * stack of that size, or the least that the C library takes. Returns 0, or errno's value: EAGAIN,
 * there is none to be had. */
int process_make_thread(void *(*function)(void *), void *argument, size_t stack_size);

/* process_name_thread names the calling thread for debuggers and top: at most 15 bytes. */
void process_name_thread(const char *name);

/* Go's first call on a thread opens the signals of faults there for good, whatever the host
 * blocked: what is saved before is put back after it. Only SIGURG has to stay open: blocked, a
 * collection waits 4 - 99 ms for this thread instead of 0.05. */
struct process_mask {
    uint64_t blocked[16];
};
void process_save_mask(struct process_mask *mask);
void process_put_mask_back(const struct process_mask *mask);

/* Made for the runtime at the first start, and one more for each further scheduler. One scheduler
 * uses 5, a thousand at once up to 450 (counted in /proc/self/task). */
#define PROCESS_THREADS 8
/* Free before the runtime starts. It asks for its tables bit by bit, and where the last one finds no
 * room it ends the process: with limits of 1230 to 1320 MB, 60 of 60 runs. The first create that was
 * served had 1740 MB, of which a scheduler takes 200. */
#define PROCESS_ADDRESS_SPACE (1536ul << 20)
/* On one of 7168 bytes the runtime's handler ends the process ("morestack on gsignal", 6 of 6 runs
 * of 3000 signals), on one of 8192 it does not (0 of 6), on a processor with AVX-512 and AMX. */
#define PROCESS_SIGNAL_STACK 8192

/* process_forked tells whether the calling process is a child, made by fork, _Fork or clone, of one
 * in which the runtime was started: nothing of it runs here. */
extern const volatile uint32_t *_Atomic process_mark; /* changes at the first start */
static inline bool process_forked(void)
{
    return __builtin_expect(*atomic_load_explicit(&process_mark, memory_order_acquire) == 0, 0);
}

/* process_forget is fork's handler in the child, for kernels that do not wipe the mark. */
void process_forget(void);

#endif
