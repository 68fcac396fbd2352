/* host.h - host tasks, and the rings through which they wait.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_HOST_H
#define NATIVE_HOST_H

#include "state.h"

#define RING_CAPACITY 4096

int host_open(struct scheduler *s);
void host_close(struct scheduler *s);
cothread_handle host_create(struct scheduler *s, uint64_t token, const char *name);
/* host_submit takes the requests in the ring; host_batch fills it with what is ready. Both return how many. */
int host_submit(struct scheduler *s);
int host_batch(struct scheduler *s);

#endif
