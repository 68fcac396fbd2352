/* output.h - what goes out by a connection, up to its end.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_OUTPUT_H
#define NATIVE_OUTPUT_H

#include "state.h"

/* `written` begins at 0. */
int output_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, size_t *written, int64_t deadline);
int output_writev(struct scheduler *s, cothread_handle handle, const cothread_span *spans, size_t count, size_t *written,
                  int64_t deadline);
int output_sendfile(struct scheduler *s, cothread_handle handle, int fd, int64_t offset, size_t size, size_t *written,
                    int64_t deadline);
int output_send(struct scheduler *s, cothread_handle handle, const cothread_message *message, size_t *written, int64_t deadline);
int output_finish(struct scheduler *s, cothread_handle handle, int64_t deadline);

#endif
