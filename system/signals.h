/* signals.h - signals that are counted instead of doing what they would.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Any number of counters of the whole process may be open for one signal, and each gets each
 * delivery. While one is open the signal does nothing else: it ends no program. Most signals come
 * through a handler. One that is blocked where it is to be delivered comes through a signalfd,
 * which each counter has whose opener blocked the signal: whichever is read first feeds all
 * counters of that signal. What the kernel merges (a second standard signal while one is pending)
 * counts once, in both ways.
 *
 * A system defines:
 *   system_signal_refused(number)
 *       Why a signal cannot be counted, a clause; NULL: it can.
 *   system_signal_open(&counter, number, flags)
 *       Opens a counter for a signal that can be counted. COTHREAD_FORWARD: after counting, the
 *       handler that the program had installed before the first counter of this signal is called
 *       too; it is not for what came through a signalfd.
 *   system_signal_wakers(counter, fds)
 *       Stores one or two descriptors, which become readable when a delivery waits; how many. They
 *       stay the counter's.
 *   system_signal_take(counter, &sender)
 *       How many deliveries there were since the last take, at most INT32_MAX (the rest is for the
 *       next), and the process that sent the last one; 0: the kernel, or not known.
 *   system_signal_drain(counter)
 *       Makes the descriptors unreadable; a take finds what made them readable. After a thousand
 *       signals one is left readable, so that other work gets its turn.
 *   system_signal_close(counter)
 *       Ends it. Nothing touches its descriptors from then on. The last one of a signal puts back
 *       the disposition that the first one found, unless another was installed meanwhile.
 *
 * open and close: from any thread, not from a signal handler. A counter's other functions: by one
 * thread at a time. In a forked child a handler that is still installed acts as the disposition
 * that it replaced. Results are 0 or more, or -errno.
 */
#ifndef SYSTEM_SIGNALS_H
#define SYSTEM_SIGNALS_H

#include <stdint.h>

struct system_signal;

const char *system_signal_refused(int number);
int system_signal_open(struct system_signal **counter, int number, uint32_t flags);
int system_signal_wakers(const struct system_signal *counter, int fds[2]);
uint32_t system_signal_take(struct system_signal *counter, int32_t *sender);
void system_signal_drain(struct system_signal *counter);
void system_signal_close(struct system_signal *counter);

#endif
