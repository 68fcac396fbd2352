/* tick.h - what the Go half exports to the shims. Called on a thread's own stack only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPI_TICK_H
#define CAPI_TICK_H

#include <stdint.h>

/* tickCreate opens a poller for scheduler `number` and returns what wakes it, or an error; of COTHREAD_ESYSTEM
 * *systemError says which. */
int tickCreate(uint32_t number, void *queue, void *scheduler, int hostPolls, int *systemError);
/* tickRelease closes it. */
void tickRelease(uint32_t number);
/* tickDrive runs ticks until main is ready; tickPoll until host tasks are; tickDrain until no task is left but
 * so many host tasks and no callback is pending, or the deadline passed. */
int tickDrive(uint32_t number);
int tickPoll(uint32_t number, int64_t deadline);
int tickDrain(uint32_t number, int64_t deadline, uint64_t hostTasks);
/* tickCall serves shared.call_*. */
int tickCall(uint32_t number);
/* tickSettle arms what requests asked for outside a tick and brings the pollable descriptor up to date. */
int tickSettle(uint32_t number);
int tickPollFD(uint32_t number);
int64_t tickNextDeadline(uint32_t number);
int tickPollList(uint32_t number, void *list, int capacity);
int tickPollDeliver(uint32_t number, void *list, int count);
/* tickFault returns the text of the fault that broke the scheduler. */
void tickFault(uint32_t number, char *text, int size);

#endif
