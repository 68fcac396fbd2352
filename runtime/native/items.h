/* items.h - one task waits for several things.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_ITEMS_H
#define NATIVE_ITEMS_H

#include "state.h"

/* items_wait: `given` are `count` items of `size` bytes each. */
int items_wait(struct scheduler *s, cothread_item *given, size_t size, size_t count, int64_t deadline, uint32_t flags);

/* A host task's: items_begin puts it into a wait for copies of the items, or ends the wait at once. When its turn comes,
 * items_collect returns how many fired, 0 if it waits again, and items_entry fills in the next entry of the batch and returns
 * how many follow; the last ends the wait for good. items_forget does so without any: the task withdraws it, or ends;
 * items_keep says that it may not withdraw it any more. */
void items_begin(struct scheduler *s, struct task *t, const cothread_request *request);
uint32_t items_collect(struct scheduler *s, struct task *t);
uint32_t items_entry(struct scheduler *s, struct task *t, cothread_ready *entry);
void items_forget(struct scheduler *s, struct task *t);
bool items_keep(const struct items *items);

/* items_close gives back the memory of such waits. */
void items_close(struct scheduler *s);

/* Its row: the task's own wait ends. */
void items_leave(struct scheduler *s, struct wait *w);

#endif
