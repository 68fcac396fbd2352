/* files.h - operations on files: jobs in the scheduler's default pool.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_FILES_H
#define NATIVE_FILES_H

#include "state.h"

int file_open(struct scheduler *s, const char *path, size_t length, int flags, uint32_t mode, int64_t deadline);
int64_t file_read(struct scheduler *s, int fd, void *buffer, size_t size, int64_t offset, int64_t deadline);
int64_t file_write(struct scheduler *s, int fd, const void *data, size_t size, int64_t offset, int64_t deadline);
int file_sync(struct scheduler *s, int fd, int64_t deadline);
int file_stat(struct scheduler *s, const char *path, size_t length, cothread_file_status *status, int64_t deadline);

#endif
