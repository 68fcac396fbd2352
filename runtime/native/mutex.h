/* mutex.h - held by one task across its waits.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_MUTEX_H
#define NATIVE_MUTEX_H

#include "state.h"

cothread_handle mutex_create(struct scheduler *s);
int mutex_lock(struct scheduler *s, cothread_handle handle, int64_t deadline);
int mutex_unlock(struct scheduler *s, struct task *t, cothread_handle handle);

/* mutex_abandon_all hands on what a task that ends still holds. */
void mutex_abandon_all(struct scheduler *s, struct task *owner);

/* Its row. */
int mutex_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int mutex_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *mutex_list(void *object, const struct wait *w);
int mutex_close(struct scheduler *s, void *object, cothread_handle handle);
void mutex_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
