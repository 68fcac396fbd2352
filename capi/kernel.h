/* kernel.h - what the Go half exports to the shims. Called on a thread's own stack only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CAPI_KERNEL_H
#define CAPI_KERNEL_H

#include <stdint.h>

/* kernelCreate opens a poller for scheduler `number` and returns the descriptor that wakes it, or an error. */
int kernelCreate(uint32_t number, void *queue, void *scheduler, int hostPolls);
/* kernelRelease closes it. */
void kernelRelease(uint32_t number);
/* kernelDrive runs ticks until main is ready; kernelPoll until host tasks are; kernelDrain until no task is left and no
 * callback is pending, or the deadline passed. */
int kernelDrive(uint32_t number);
int kernelPoll(uint32_t number, int64_t deadline);
int kernelDrain(uint32_t number, int64_t deadline);
/* kernelCall serves shared.call_*. */
int kernelCall(uint32_t number);
/* kernelSettle arms what requests asked for outside a tick and brings the pollable descriptor up to date. */
int kernelSettle(uint32_t number);
int kernelPollFD(uint32_t number);
int64_t kernelNextDeadline(uint32_t number);
int kernelPollList(uint32_t number, void *list, int capacity);
int kernelPollDeliver(uint32_t number, void *list, int count);
/* kernelFault returns the text of the fault that broke the scheduler. */
void kernelFault(uint32_t number, char *text, int size);

#endif
