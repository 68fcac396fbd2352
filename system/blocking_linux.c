/* blocking_linux.c - see blocking.h.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failures.h"

/* ---- Files ----------------------------------------------------------------------------------------- */

int system_file_open(const char *path, int flags, uint32_t mode)
{
    int fd;
    do
        fd = SYSTEM_CALL(open(path, flags | O_CLOEXEC, mode), -1);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

int64_t system_file_read(int fd, void *buffer, size_t size, int64_t offset)
{
    ssize_t n;
    do
        n = SYSTEM_CALL(pread(fd, buffer, size, offset), -1);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int64_t system_file_write(int fd, const void *data, size_t size, int64_t offset)
{
    size_t written = 0;
    do {
        ssize_t n = SYSTEM_CALL(pwrite(fd, (const char *)data + written, size - written, offset + (int64_t)written), -1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return written ? (int64_t)written : -errno;
        if (n == 0)
            break;
        written += (size_t)n;
    } while (written < size);
    return (int64_t)written;
}

int system_file_sync(int fd)
{
    int rc;
    do
        rc = SYSTEM_CALL(fsync(fd), -1);
    while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : 0;
}

static int64_t ns_of(struct timespec at)
{
    return at.tv_sec * COTHREAD_SECOND + at.tv_nsec;
}

int system_file_status(const char *path, cothread_file_status *status)
{
    struct stat found;
    int rc;
    do
        rc = SYSTEM_CALL(stat(path, &found), -1);
    while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return -errno;
    memset(status, 0, sizeof *status);
    status->mode = found.st_mode;
    status->links = (uint32_t)found.st_nlink;
    status->user = found.st_uid;
    status->group = found.st_gid;
    status->device = found.st_dev;
    status->inode = found.st_ino;
    status->bytes = found.st_size;
    status->allocated = found.st_blocks * 512;
    status->read_ns = ns_of(found.st_atim);
    status->written_ns = ns_of(found.st_mtim);
    status->changed_ns = ns_of(found.st_ctim);
    return 0;
}

int system_file_duplicate(int fd)
{
    int duplicate = SYSTEM_CALL(fcntl(fd, F_DUPFD_CLOEXEC, 3), -1); /* 0 to 2 mean something to others */
    return duplicate < 0 ? -errno : duplicate;
}

void system_file_close(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

/* ---- Names ----------------------------------------------------------------------------------------- */

_Static_assert(sizeof(((cothread_address *)0)->address) == sizeof(struct sockaddr_storage), "every address fits");

int system_resolve(const char *name, const char *service, const cothread_hints *hints, cothread_address *addresses, size_t count)
{
    struct addrinfo wanted = {.ai_flags = hints->lookup, .ai_family = hints->family, .ai_socktype = hints->type ? hints->type : SOCK_STREAM, .ai_protocol = hints->protocol};
    struct addrinfo *found, *one;
    int rc = SYSTEM_CALL(getaddrinfo(name, service, &wanted, &found), EAI_SYSTEM), n = 0;
    if (rc != 0)
        return rc;
    for (one = found; one; one = one->ai_next, n++) {
        if ((size_t)n >= count)
            continue;
        cothread_address *address = &addresses[n];
        memset(address, 0, sizeof *address);
        address->family = one->ai_family;
        address->type = one->ai_socktype;
        address->protocol = one->ai_protocol;
        address->length = one->ai_addrlen;
        memcpy(address->address, one->ai_addr, one->ai_addrlen);
    }
    freeaddrinfo(found);
    return n;
}

enum resolve_error system_resolve_error(int code)
{
    switch (code) {
    case EAI_AGAIN: return RESOLVE_LATER;
    case EAI_BADFLAGS:
    case EAI_FAMILY:
    case EAI_SOCKTYPE: return RESOLVE_INVALID;
    case EAI_MEMORY: return RESOLVE_NO_MEMORY;
    case EAI_SYSTEM: return RESOLVE_SYSTEM;
    default: return RESOLVE_UNKNOWN; /* NONAME, NODATA, SERVICE, ADDRFAMILY, FAIL */
    }
}

const char *system_resolve_text(int code)
{
    return gai_strerror(code);
}
