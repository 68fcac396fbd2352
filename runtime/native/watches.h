/* watches.h - file watches: what changes in a file or a directory, in order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_WATCHES_H
#define NATIVE_WATCHES_H

#include "state.h"

cothread_handle watch_open(struct scheduler *s, const char *path, uint32_t changes);
/* watch_deliver stores what a wait was handed, in a cothread_change at `element` or nowhere, and returns the kinds of
 * change. watch_forget drops it. */
uint32_t watch_deliver(struct scheduler *s, struct wait *w, void *element);
void watch_forget(struct scheduler *s, struct wait *w);
/* watch_source_ready is for the scheduler's own descriptor, that of all its watches. */
void watch_source_ready(struct scheduler *s, void *unused, uint32_t events);
/* watch_close_all closes it without the tick half: its thread has ended. watch_end gives back what all watches share. */
void watch_close_all(struct scheduler *s);
void watch_end(struct scheduler *s);

/* Its row. */
int watch_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int watch_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *watch_list(void *object, const struct wait *w);
int watch_close(struct scheduler *s, void *object, cothread_handle handle);
void watch_free(struct scheduler *s, void *object);
void watch_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
