/* scheduler.h - the life of a scheduler: create, destroy, and what befalls it: its thread ends, the process forks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_SCHEDULER_H
#define NATIVE_SCHEDULER_H

#include "state.h"

/* scheduler_refused says why the calling thread has no scheduler, or one that is broken. */
int scheduler_refused(void) __attribute__((cold));
/* scheduler_forked says whether this is a forked child; scheduler_refused then has the error. */
bool scheduler_forked(void);
/* scheduler_find returns the living scheduler of a handle, from any thread, or NULL with *error. */
struct scheduler *scheduler_find(cothread_handle handle, int *error);

/* scheduler_create takes options that were checked. */
cothread_handle scheduler_create(const cothread_options *options, const struct tick_half *tick);
int scheduler_destroy(cothread_handle handle, int64_t deadline);
/* scheduler_is_busy refuses what only the thread's own stack may call, outside of observers. */
int scheduler_is_busy(void) __attribute__((cold));
/* scheduler_broke keeps a scheduler whose tick half had a fault from going on. */
int scheduler_broke(struct scheduler *s) __attribute__((cold));
int scheduler_interrupt(cothread_handle handle);
/* scheduler_close ends any object. */
int scheduler_close(struct scheduler *s, cothread_handle object);
int scheduler_statistics(cothread_handle handle, cothread_stats *stats);

#endif
