/* sockets_linux.c - see sockets.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * By syscall(2), as in descriptors_linux.c: libc's sendmsg, connect and their like are cancellation points. */
#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "descriptors_linux.h"
#include "failures.h"

_Static_assert(sizeof(struct sockaddr_un) <= sizeof((cothread_address *)0)->address, "every address fits");
_Static_assert(sizeof(cothread_span) == sizeof(struct iovec) && offsetof(cothread_span, size) == offsetof(struct iovec, iov_len),
               "sendmsg takes spans as they are");

#define SPANS_AT_A_TIME 64

static bool is_socket(const struct system_descriptor *d)
{
    return d->kind <= TCP;
}

static int family_of(const cothread_address *address)
{
    sa_family_t family;
    memcpy(&family, (const char *)address->address + offsetof(struct sockaddr, sa_family), sizeof family);
    return family;
}

/* ---- Making ------------------------------------------------------------------------------------------------- */

int system_socket(struct system_descriptor *d, int family, int type, int protocol)
{
    int yes = 1;
    bool tcp = family != AF_UNIX && type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP);
    int fd = SYSTEM_CALL(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), -1);
    if (fd < 0)
        return -errno;
    if (tcp)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* inherited by what is accepted */
    *d = (struct system_descriptor){.fd = fd, .io_fd = fd, .kind = tcp ? TCP : SOCKET, .inquires = tcp ? WILL : NEVER};
    return 0;
}

int system_connect(struct system_descriptor *d, const cothread_address *address)
{
    long rc;
    do {
        rc = SYSTEM_CALL(syscall(SYS_connect, d->fd, address->address, address->length), -1);
    } while (rc < 0 && errno == EINTR); /* it has begun: the next call says so */
    if (rc < 0 && errno == EISCONN)
        return 0;
    if (rc < 0 && errno == EALREADY)
        errno = EINPROGRESS;
    return rc < 0 ? -errno : 0;
}

int system_connected(struct system_descriptor *d, const cothread_address *address)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (SYSTEM_CALL(getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &length), -1) < 0)
        return -errno;
    if (error) {
        errno = error;
        return -error;
    }
    return system_connect(d, address); /* a report is a hint */
}

int system_listen(struct system_descriptor *d, const cothread_address *address, int backlog)
{
    int yes = 1, no = 0;
    if (address->family == AF_INET6)
        setsockopt(d->fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (d->kind == TCP)
        setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (SYSTEM_CALL(bind(d->fd, (const struct sockaddr *)address->address, address->length), -1) < 0)
        return -errno;
    if (backlog > 0 && SYSTEM_CALL(listen(d->fd, backlog), -1) < 0)
        return -errno;
    return 0;
}

int system_finish(struct system_descriptor *d)
{
    if (!is_socket(d))
        return 0;
    return SYSTEM_CALL(shutdown(d->fd, SHUT_WR), -1) < 0 ? -errno : 0;
}

/* ---- Looking ------------------------------------------------------------------------------------------------ */

int system_look_at(int fd, struct system_look_at *look)
{
    struct stat status;
    struct sockaddr_storage peer;
    int type = 0, listens = 0, flags = SYSTEM_CALL(fcntl(fd, F_GETFL), -1);
    socklen_t length = sizeof type;
    if (flags < 0 || SYSTEM_CALL(fstat(fd, &status), -1) < 0)
        return -errno;
    *look = (struct system_look_at){.reads = (flags & O_ACCMODE) != O_WRONLY, .writes = (flags & O_ACCMODE) != O_RDONLY};
    if (!S_ISSOCK(status.st_mode))
        return 0;
    look->socket = true;
    if (SYSTEM_CALL(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length), -1) < 0)
        return -errno;
    look->datagram = type != SOCK_STREAM;
    length = sizeof listens;
    look->listens = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens;
    length = sizeof peer;
    look->connected = getpeername(fd, (struct sockaddr *)&peer, &length) == 0 || errno != ENOTCONN;
    return 0;
}

int64_t system_unacknowledged(struct system_descriptor *d, bool finished)
{
    int bytes = 0;
    if (SYSTEM_CALL(ioctl(d->fd, d->kind == PIPE ? FIONREAD : TIOCOUTQ, &bytes), -1) < 0)
        return -errno;
    return d->kind == TCP && finished && bytes > 0 ? bytes - 1 : bytes; /* the end of the output counts as a byte */
}

int system_address(int fd, bool peer, cothread_address *address)
{
    int type = 0, protocol = 0;
    socklen_t length = sizeof type, size = sizeof address->address;
    struct sockaddr *to = (struct sockaddr *)address->address;
    memset(address, 0, sizeof *address);
    if (SYSTEM_CALL(peer ? getpeername(fd, to, &size) : getsockname(fd, to, &size), -1) < 0)
        return -errno;
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
    length = sizeof protocol;
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
    address->family = family_of(address);
    address->type = type;
    address->protocol = protocol;
    address->length = size;
    return 0;
}

int system_address_text(const cothread_address *address, char *text, size_t size)
{
    char number[INET6_ADDRSTRLEN];
    union {
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } at;
    memcpy(&at, address->address, sizeof at);
    int path = (int)address->length - (int)offsetof(struct sockaddr_un, sun_path);
    switch (address->family) {
    case AF_INET:
        inet_ntop(AF_INET, &at.in.sin_addr, number, sizeof number);
        return snprintf(text, size, "%s:%d", number, ntohs(at.in.sin_port));
    case AF_INET6:
        inet_ntop(AF_INET6, &at.in6.sin6_addr, number, sizeof number);
        if (at.in6.sin6_scope_id)
            return snprintf(text, size, "[%s%%%u]:%d", number, at.in6.sin6_scope_id, ntohs(at.in6.sin6_port));
        return snprintf(text, size, "[%s]:%d", number, ntohs(at.in6.sin6_port));
    case AF_UNIX:
        if (path > (int)sizeof at.un.sun_path)
            path = sizeof at.un.sun_path;
        if (path > 0 && at.un.sun_path[0] == 0)
            return snprintf(text, size, "@%.*s", path - 1, at.un.sun_path + 1);
        return snprintf(text, size, "%.*s", path < 0 ? 0 : path, at.un.sun_path);
    }
    errno = EAFNOSUPPORT;
    return -EAFNOSUPPORT;
}

int system_unix_address(const char *path, cothread_address *address)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    bool abstract = path[0] == '@';
    if (size == 0 || size >= sizeof un.sun_path) {
        errno = size ? ENAMETOOLONG : ENOENT;
        return -errno;
    }
    memcpy(un.sun_path, path, size);
    if (abstract)
        un.sun_path[0] = 0;
    *address = (cothread_address){.family = AF_UNIX, .type = SOCK_STREAM, .length = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + size + !abstract)};
    memcpy(address->address, &un, sizeof un);
    return 0;
}

int system_unix_remove(const cothread_address *address)
{
    struct sockaddr_un un = {.sun_path = ""};
    struct stat status;
    memcpy(&un, address->address, address->length < sizeof un ? address->length : sizeof un - 1);
    if (SYSTEM_CALL(lstat(un.sun_path, &status), -1) < 0) /* of an abstract name: "" */
        return -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EADDRINUSE;
    /* A socket for datagrams asks: a stream has another type (EPROTOTYPE), so that nobody gets a connection to accept. */
    int fd = SYSTEM_CALL(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), -1);
    if (fd < 0)
        return -errno;
    bool dead = SYSTEM_CALL(syscall(SYS_connect, fd, address->address, address->length), -1) < 0 && errno == ECONNREFUSED;
    close(fd);
    if (!dead)
        return -EADDRINUSE;
    return SYSTEM_CALL(unlink(un.sun_path), -1) < 0 ? -errno : 0;
}

int system_numeric(const char *host, const char *service, int family, int type, bool passive, cothread_address *addresses, int room)
{
    struct addrinfo *found, hints = {.ai_family = family, .ai_socktype = type,
                                     .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)};
    int count = 0, rc = SYSTEM_CALL(getaddrinfo(host, service, &hints, &found), EAI_MEMORY);
    if (rc != 0) {
        errno = rc == EAI_MEMORY ? ENOMEM : rc == EAI_SYSTEM ? errno : ENOENT;
        return -errno;
    }
    for (const struct addrinfo *each = found; each && count < room; each = each->ai_next) {
        if (each->ai_addrlen > sizeof addresses->address)
            continue;
        cothread_address *to = &addresses[count++];
        *to = (cothread_address){each->ai_family, each->ai_socktype, each->ai_protocol, each->ai_addrlen, {0}};
        memcpy(to->address, each->ai_addr, each->ai_addrlen);
    }
    freeaddrinfo(found);
    return count;
}

/* ---- Data --------------------------------------------------------------------------------------------------- */

int64_t system_write_spans(struct system_descriptor *d, const cothread_span *spans, size_t count)
{
    long n;
    while (count > 1 && spans->size == 0)
        spans++, count--;
    if (!is_socket(d) || count == 1)
        return system_write(d, spans->data, spans->size);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)spans, .msg_iovlen = count < SPANS_AT_A_TIME ? count : SPANS_AT_A_TIME};
    do {
        n = SYSTEM_TRANSFER(syscall(SYS_sendmsg, d->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* copy_file is for what sendfile does not do. */
static int64_t copy_file(struct system_descriptor *d, int fd, int64_t offset, size_t size)
{
    char block[4096];
    long n;
    do {
        n = SYSTEM_TRANSFER(syscall(SYS_pread64, fd, block, size < sizeof block ? size : sizeof block, offset));
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        errno = EIO; /* the file's, not ours to wait for */
    return n > 0 ? system_write(d, block, (size_t)n) : n < 0 ? -errno : 0;
}

int64_t system_write_file(struct system_descriptor *d, int fd, int64_t offset, size_t size)
{
    struct quiet quiet;
    long n;
    /* sendfile knows no MSG_DONTWAIT, and has SIGPIPE raised by the file that it writes to. */
    int flags = fcntl(d->io_fd, F_GETFL);
    if (flags < 0 || !(flags & O_NONBLOCK) || !is_socket(d))
        return copy_file(d, fd, offset, size);
    off_t from = offset;
    system_begin_quiet(&quiet);
    do {
        n = SYSTEM_TRANSFER(syscall(SYS_sendfile, d->fd, fd, &from, size));
    } while (n < 0 && errno == EINTR);
    system_end_quiet(&quiet, n < 0 && errno == EPIPE);
    if (n < 0 && (errno == EINVAL || errno == ENOSYS || errno == EOVERFLOW))
        return copy_file(d, fd, offset, size);
    return n < 0 ? -errno : n;
}

union control {
    char bytes[CMSG_SPACE(SYSTEM_DESCRIPTORS_MAX * sizeof(int))];
    struct cmsghdr aligned;
};

int64_t system_send(struct system_descriptor *d, const struct system_message *m)
{
    union control control;
    struct iovec from = {m->data, m->size};
    struct msghdr message = {.msg_iov = &from, .msg_iovlen = 1};
    long n;
    if (m->address) {
        message.msg_name = m->address->address;
        message.msg_namelen = m->address->length;
    }
    if (m->descriptor_count) {
        size_t size = m->descriptor_count * sizeof(int);
        memset(&control, 0, CMSG_SPACE(size));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(rights), m->descriptors, size);
    }
    do {
        n = SYSTEM_TRANSFER(syscall(SYS_sendmsg, d->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int64_t system_receive(struct system_descriptor *d, struct system_message *m)
{
    union control control;
    struct iovec into = {m->data, m->size};
    struct msghdr message;
    long n;
    if (m->address)
        memset(m->address, 0, sizeof *m->address);
    do {
        message = (struct msghdr){.msg_iov = &into, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        if (m->address) {
            message.msg_name = m->address->address;
            message.msg_namelen = sizeof m->address->address;
        }
        n = SYSTEM_TRANSFER(syscall(SYS_recvmsg, d->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | (m->datagram ? MSG_TRUNC : 0)));
    } while (n < 0 && errno == EINTR);
    m->descriptor_count = 0;
    if (n < 0)
        return -errno;
    if (m->address) {
        m->address->length = message.msg_namelen;
        m->address->family = message.msg_namelen ? family_of(m->address) : 0;
        m->address->type = SOCK_DGRAM;
    }
    for (struct cmsghdr *said = CMSG_FIRSTHDR(&message); said; said = CMSG_NXTHDR(&message, said)) {
        if (said->cmsg_level != SOL_SOCKET || said->cmsg_type != SCM_RIGHTS)
            continue;
        uint32_t count = (uint32_t)((said->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(m->descriptors + m->descriptor_count, CMSG_DATA(said), count * sizeof(int));
        m->descriptor_count += count;
    }
    return n;
}

void system_close_received(int fd)
{
    close(fd);
}
