/* system.h - what the library asks of the operating system. Nothing else in the task half, nor
 * callback/, names a system call: another system is one more file system_NAME.c (and
 * descriptors_NAME.c) that keeps this contract.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every name of this room begins with system_. A system defines:
 *
 * Memory. Sizes and addresses are whole pages, unless said otherwise.
 *   system_reserve(size)
 *       Zeroed memory that counts only once it is touched. NULL: there is none.
 *   system_unreserve(memory, size)
 *       Gives it back, all of one system_reserve.
 *   system_clear(memory, size)
 *       The range reads as zeros from now on, and its memory is given back where the system does
 *       that (it does not for locked memory: then zeros are written).
 *   system_discard(memory, size)
 *       Nobody needs the contents of the range any more: gives its memory back if that can be done.
 *       Reads as zeros or as before. Costs nothing worth mentioning where it cannot.
 *   system_small_pages(m, size)
 *       One touch is to cost one page: no larger pages behind our back.
 *   system_guard(low, size, kind)
 *       Makes a touch of the range fault, in the cheapest way from `kind` on: COTHREAD_GUARD_KERNEL
 *       (nothing but the range's page tables), COTHREAD_GUARD_PROTECT (splits the mapping, of which
 *       a process has only so many). Returns the kind that worked, or COTHREAD_GUARD_CANARY:
 *       neither did, and nothing has changed. Lasts through system_clear and system_discard of the
 *       memory around it, and until system_unreserve.
 *   system_forget_in_children(m, size)
 *       A child process, however it was made, finds zeros in the range. False: not on this system,
 *       and nothing has changed.
 *   system_allocate(count, size)
 *       Zeroed memory of any size, aligned for anything. NULL: there is none.
 *   system_resize(memory, size)
 *       As much of it as fits, in a block of that size; what is added is not zeroed. NULL: there is
 *       no memory, and the old block stays. `memory` may be NULL.
 *   system_free(memory)
 *       Ends either. `memory` may be NULL.
 *
 * Time.
 *   system_now()
 *       Nanoseconds on a clock that only goes forward, not touched by setting the date. Signal
 *       handlers.
 *   system_let_others_run()
 *       Sleeps for a moment (some 20 us): for waits that end within a few instructions of another
 *       thread. A sleep and not a spin or a yield, for that thread may have a lower real-time
 *       priority and need this processor. Not a cancellation point; errno is kept.
 *
 * Threads.
 *   system_wait(word, seen, deadline)
 *       Sleeps while *word is `seen`, at most until `deadline` (of system_now; COTHREAD_FOREVER,
 *       COTHREAD_NOW). ETIMEDOUT: it passed. 0: look again, whatever the reason (a change, a wake,
 *       a signal, none). Not a cancellation point.
 *   system_wake_all(word)
 *       Ends all of these sleeps; one that began before *word was changed too. Signal handlers;
 *       errno is kept.
 *   system_wake(waker)
 *       Ends the sleep of the thread that waits for the poller that handed out `waker`, or else the next
 *       one: what poll.Poller promises of Waker. Many before a sleep count as one. Signal handlers;
 *       errno is kept; not a cancellation point. Never blocks.
 *
 * Misfortune.
 *   system_say(text, length)
 *       Writes to standard error, as far as that can be done. Raises no signal, even if nobody
 *       reads there. Signal handlers; errno is kept.
 *   system_report_faults(report)
 *       Has report(address) called for each access to memory that may not be accessed, in the
 *       context of a signal handler; then the fault goes where it would have gone without this.
 *       Once per process, and before Go starts (a constructor of priority 101): so Go finds it, and
 *       forwards to it each fault that is not in Go code, on the alternate signal stack that Go
 *       gives to every thread that calls it.
 *
 * Standard C is no system call: _Exit, abort and snprintf are used as they are; so are POSIX
 * threads.
 */
#ifndef SYSTEM_SYSTEM_H
#define SYSTEM_SYSTEM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *system_reserve(size_t size);
void system_unreserve(void *memory, size_t size);
void system_clear(void *memory, size_t size);
void system_discard(void *memory, size_t size);
void system_small_pages(void *memory, size_t size);
int system_guard(void *low, size_t size, int kind);
bool system_forget_in_children(void *memory, size_t size);
void *system_allocate(size_t count, size_t size);
void *system_resize(void *memory, size_t size);
void system_free(void *memory);

int64_t system_now(void);
void system_let_others_run(void);

int system_wait(_Atomic uint32_t *word, uint32_t seen, int64_t deadline);
void system_wake_all(_Atomic uint32_t *word);
void system_wake(int waker);

void system_say(const char *text, size_t length);
void system_report_faults(void (*report)(const void *address));

#ifdef COTHREAD_FAILURES
/* Test builds: system_fail makes the n-th call from now (1: the next) of what can fail here fail
 * with `error` and do nothing; 0: none. It affects the whole process and every function of the room
 * that can fail; what only gives something back does not. system_calls says how many there were
 * since: at least n once it has failed. */
void system_fail(uint64_t n, int error);
uint64_t system_calls(void);

/* How many system_reserve, system_allocate and system_resize have not been given back. */
int64_t system_held(void);
#endif

#endif
