/* descriptors_linux.h - what a system_descriptor is made of. Shared by the files of this room.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTEM_DESCRIPTORS_LINUX_H
#define SYSTEM_DESCRIPTORS_LINUX_H

#include <stdint.h>

enum kind { NOTHING, SOCKET, TCP, PIPE, OTHER };

/* Whether a full read learns what it left (TCP_INQ). An echo server of 64-byte messages with a
 * buffer of 64 spends 1422-1500 ns of CPU per message so, 1486-1544 if it tries again and finds
 * nothing, and 1337-1398 if it is level-triggered and does neither (50 connections on loopback,
 * three runs, medians of 31 rounds each): 0.94 and 0.90 of the last. The option belongs to the
 * socket and not to the call, and its other users would get it too: so it is asked for only on
 * sockets that were made or accepted here, at their first full read. */
enum inquires { NEVER, WILL, DOES, DOES_NOW /* the last read was full */ };

/* What SIGPIPE was before a call that may raise it: that signal is blocked in between, and taken back if the call raised it.
 * Signals as the kernel has them, 64 bits: sigtimedwait of the C library is a cancellation point. Both keep errno. */
struct quiet {
    uint64_t mask, pending;
};
void system_begin_quiet(struct quiet *quiet);
void system_end_quiet(const struct quiet *quiet, int raised);

#endif
