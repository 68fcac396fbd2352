/* timer.h - a timer: expires once, or again and again in step.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_TIMER_H
#define NATIVE_TIMER_H

#include "state.h"

cothread_handle timer_new(struct scheduler *s, uint32_t flags);
int timer_set(struct scheduler *s, cothread_handle handle, int64_t deadline, int64_t period);

/* timer_next returns when a timer expires; COTHREAD_FOREVER: it is stopped. A task that waits for it wakes up by then. */
int64_t timer_next(const void *object);

/* timer_close_all closes the descriptors of all without the tick half: its thread has ended. */
void timer_close_all(struct scheduler *s);

/* Its row. */
int timer_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *timer_list(void *object, const struct wait *w);
void timer_ready(struct scheduler *s, void *object, uint32_t events);
void timer_free(struct scheduler *s, void *object);
int timer_close(struct scheduler *s, void *object, cothread_handle handle);
void timer_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
