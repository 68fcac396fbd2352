/* blocking.h - calls that may block for long: files and names. For threads of a pool only.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A system defines:
 *   system_file_open(path, flags, mode)
 *       open(2), close-on-exec whatever the flags. Returns the descriptor.
 *   system_file_read(fd, buffer, size, offset)
 *       One read at an offset that leaves the file's position alone. 0: the end.
 *   system_file_write(fd, data, size, offset)
 *       Writes at an offset until all is written or something is wrong. Returns how much went out, if
 *       anything did.
 *   system_file_sync(fd)
 *       Returns when the file's data and what is needed to find them are on the device.
 *   system_file_status(path, status)
 *       Fills in *status of what the path leads to.
 *   system_file_duplicate(fd), system_file_close(fd)
 *       Another descriptor of the same open file, close-on-exec, and its end. These two do not block
 *       for long, and are for any thread.
 * These return 0 or a positive result, or -errno.
 *   system_resolve(name, service, hints, addresses, count)
 *       Writes the first `count` socket addresses of a host and service. Returns how many there are, or
 *       an EAI_ code of getaddrinfo, all of which are negative; errno is set with EAI_SYSTEM.
 *   system_resolve_error(code)
 *       The enum of resolve_error that an EAI_ code is; system_resolve_text has its sentence.
 */
#ifndef SYSTEM_BLOCKING_H
#define SYSTEM_BLOCKING_H

#include <stddef.h>
#include <stdint.h>

#include "../cothread.h"

int system_file_open(const char *path, int flags, uint32_t mode);
int64_t system_file_read(int fd, void *buffer, size_t size, int64_t offset);
int64_t system_file_write(int fd, const void *data, size_t size, int64_t offset);
int system_file_sync(int fd);
int system_file_status(const char *path, cothread_file_status *status);
int system_file_duplicate(int fd);
void system_file_close(int fd);

enum resolve_error {
    RESOLVE_UNKNOWN, /* no such name, or no such service */
    RESOLVE_LATER,   /* no name server answers */
    RESOLVE_INVALID, /* hints that no system takes */
    RESOLVE_NO_MEMORY,
    RESOLVE_SYSTEM,
};
int system_resolve(const char *name, const char *service, const cothread_hints *hints, cothread_address *addresses, size_t count);
enum resolve_error system_resolve_error(int code);
const char *system_resolve_text(int code);

#endif
