/* mailbox.h - a callback queue of one, which is overwritten: the newest value wins.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_MAILBOX_H
#define NATIVE_MAILBOX_H

#include "state.h"

cothread_handle mailbox_create(struct scheduler *s, cothread_callback callback, uint64_t token);
/* mailbox_send posts a value from any thread, and signal handlers. */
int mailbox_send(cothread_handle handle, void *value, void **replaced);

/* Its row. */
int mailbox_close_object(struct scheduler *s, void *object, cothread_handle handle);
void mailbox_free(struct scheduler *s, void *object);
void mailbox_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
