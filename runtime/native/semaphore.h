/* semaphore.h - a count of units.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_SEMAPHORE_H
#define NATIVE_SEMAPHORE_H

#include "state.h"

cothread_handle semaphore_create(struct scheduler *s, uint32_t units);
int semaphore_acquire(struct scheduler *s, cothread_handle handle, int64_t deadline);
int semaphore_release(struct scheduler *s, cothread_handle handle, uint32_t units);

/* Its row. */
int semaphore_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *semaphore_list(void *object, const struct wait *w);
int semaphore_close(struct scheduler *s, void *object, cothread_handle handle);
void semaphore_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
