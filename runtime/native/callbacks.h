/* callbacks.h - runs the callbacks that other threads post.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CALLBACKS_H
#define NATIVE_CALLBACKS_H

#include "state.h"

void callbacks_open(struct scheduler *s);
/* callbacks_ready lets as many callbacks run as shared.callback_quota says, ahead of all that is ready. */
void callbacks_ready(struct scheduler *s);
/* callbacks_tell_host puts an entry at the head of the host's next batch, with its callbacks: there is room for one for each
 * request and each callback of a tick. callbacks_reserve makes that room: 0, or COTHREAD_ENOMEM. */
void callbacks_tell_host(struct scheduler *s, const cothread_ready *entry);
int callbacks_reserve(struct scheduler *s, uint32_t requests);
/* callbacks_post queues one for the scheduler that `owner` names, from any thread, and signal handlers with COTHREAD_NOW. */
int callbacks_post(struct scheduler *s, cothread_handle owner, cothread_callback callback, void *argument, int64_t deadline);

#endif
