/* clock.h - jumps of the clocks: the wall clock was set, or the machine was suspended.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A system defines:
 *   system_clock_read(&clock)
 *       How far the wall clock, and a clock that runs on while the machine is suspended, are ahead
 *       of system_now; ns. Neither changes but by a jump; what is read is right to SYSTEM_CLOCK_JUMP.
 *   system_clock_open()
 *       A descriptor that becomes readable after each jump; or -errno. Close-on-exec.
 *   system_clock_drain(fd)
 *       Makes it unreadable until the next one.
 *   system_clock_close(fd)
 *
 * errno is kept, but by an open that fails.
 */
#ifndef SYSTEM_CLOCK_H
#define SYSTEM_CLOCK_H

#include <stdint.h>

#define SYSTEM_CLOCK_JUMP 1000000 /* ns: what is less is none */

struct system_clock {
    int64_t wall, suspended;
};

void system_clock_read(struct system_clock *clock);
int system_clock_open(void);
void system_clock_drain(int fd);
void system_clock_close(int fd);

#ifdef COTHREAD_FAILURES
/* Test builds: the wall clock, and the one that runs on, are ahead by so much more from now on. */
void system_clock_jump(int64_t wall, int64_t suspended);
#endif

#endif
