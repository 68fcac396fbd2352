/* callbacks.h - runs the callbacks that other threads post.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CALLBACKS_H
#define NATIVE_CALLBACKS_H

#include "state.h"

/* A callback for the host, as its batch shows it. */
struct posted {
    uint64_t token, value;
};

void callbacks_open(struct scheduler *s);
/* callbacks_ready lets as many callbacks run as shared.callback_quota says, ahead of all that is ready. */
void callbacks_ready(struct scheduler *s);
/* callbacks_post queues one for the scheduler that `owner` names, from any thread, and signal handlers with COTHREAD_NOW. */
int callbacks_post(struct scheduler *s, cothread_handle owner, cothread_callback callback, void *argument, int64_t deadline);

#endif
