/* input.h - what comes in by a connection: bytes, messages, and other connections.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_INPUT_H
#define NATIVE_INPUT_H

#include "state.h"

/* `got` begins at 0. */
int64_t input_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline);
int input_read_exactly(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, size_t *got, int64_t deadline);
int64_t input_read_until(struct scheduler *s, cothread_handle handle, const void *delimiter, size_t delimiter_size, void *buffer,
                         size_t size, int64_t deadline);
int64_t input_receive(struct scheduler *s, cothread_handle handle, cothread_message *message, int64_t deadline);
cothread_handle input_accept(struct scheduler *s, cothread_handle handle, int64_t deadline);

#endif
