/* signals.h - signals as objects: deliveries are counted while one is open.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_SIGNALS_H
#define NATIVE_SIGNALS_H

#include "state.h"

cothread_handle signal_open(struct scheduler *s, int number, uint32_t flags);
/* signal_close_all closes them without the tick half: its thread has ended. */
void signal_close_all(struct scheduler *s);

/* Its row. */
int signal_try(struct scheduler *s, void *object, struct wait *w, void *memory);
struct wait_list *signal_list(void *object, const struct wait *w);
void signal_ready(struct scheduler *s, void *object, uint32_t events);
int signal_close(struct scheduler *s, void *object, cothread_handle handle);
void signal_free(struct scheduler *s, void *object);
void signal_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
