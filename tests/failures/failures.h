/* failures.h - what the library built with the tag failures exports beside cothread.h.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef FAILURES_H
#define FAILURES_H

#include <stdint.h>

enum half { TASK_HALF, TICK_HALF };

/* cothread_fail makes the n-th system call or allocation from now (1: the next; 0: none) of one
 * half fail with an errno: see system_fail, and poll/failures. cothread_fail_calls: how many there
 * were since. */
void cothread_fail(enum half half, uint64_t n, int error);
uint64_t cothread_fail_calls(enum half half);

/* From now on the wall clock, and the clock that runs on while the machine is suspended, are ahead of
 * cothread_now by so many ns more. */
void cothread_fail_clock(int64_t wall, int64_t suspended);

/* The blocks of memory that the task half holds. */
int64_t cothread_fail_held(void);

#endif
