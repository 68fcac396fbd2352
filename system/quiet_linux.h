/* quiet_linux.h - writing without SIGPIPE. Shared by the files of this room.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTEM_QUIET_LINUX_H
#define SYSTEM_QUIET_LINUX_H

#include <stddef.h>
#include <stdint.h>

/* write(2) to what is no socket, without SIGPIPE and without EINTR: the number of bytes, or -errno. Signal handlers. */
int64_t system_quiet_write(int fd, const void *data, size_t size);

#endif
