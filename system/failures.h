/* failures.h - in test builds every system call and allocation of this room may be made to fail:
 * see system_fail.
 * SPDX-License-Identifier: Apache-2.0
 *
 * SYSTEM_CALL(call, failed) is `call`, or `failed` with errno set, if it is the turn of this one.
 * SYSTEM_WAKE_CALL is for what the kernel may only interrupt: it stands for the call whatever other
 * error is asked for. SYSTEM_HOLDS(by) keeps system_held. */
#ifndef SYSTEM_FAILURES_H
#define SYSTEM_FAILURES_H

#ifdef COTHREAD_FAILURES
#include <stdbool.h>
bool system_fails(void);
void system_holds(int by);
#define SYSTEM_TRANSFER(call) (system_fails() && errno != EAGAIN ? -1 : (call))
#define SYSTEM_HOLDS(by) system_holds(by)
#define SYSTEM_CALL(call, failed) (system_fails() ? (failed) : (call))
#define SYSTEM_WAKE_CALL(call) (system_fails() && errno == EINTR ? -1 : (call))
#else
#define SYSTEM_CALL(call, failed) (call)
#define SYSTEM_WAKE_CALL(call) (call)
#define SYSTEM_TRANSFER(call) (call)
#define SYSTEM_HOLDS(by) ((void)(by))
#endif

#endif
