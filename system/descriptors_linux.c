/* descriptors_linux.c - see descriptors.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The system calls themselves, by syscall(2): libc's read and its like are cancellation points, and
 * their bookkeeping takes an echo server from 0.92 of raw epoll's messages per CPU-second to 0.89
 * (bench echo, medians of six rounds). */
#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "descriptors_linux.h"
#include "failures.h"
#include "quiet_linux.h"
#include "system.h"

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif
#ifndef TCP_INQ /* <netinet/tcp.h> of older C libraries lacks them */
#define TCP_INQ 36
#define TCP_CM_INQ TCP_INQ
#endif

/* ---- Those that rely on the flag of their open file ------------------------------------------------ */

/* An open file is put back by the last of ours that relies on its flag. One of them has `changed`
 * set: it was the first, and when it goes while others are left, one of those inherits the duty. */
struct flagged {
    dev_t device;
    ino_t inode;
    int32_t fd; /* < 0: free, and ~fd is the next free entry */
    bool changed;
    bool socket;
};

#define NO_ENTRY INT32_MAX /* ~NO_ENTRY is negative, as of any entry */

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static struct flagged *flagged;
static int32_t flagged_used, flagged_capacity, flagged_free = NO_ENTRY;
static void *inheritors; /* entries in use whose `changed` is not set: a tree of tsearch's, by open file */
static pid_t adopter;    /* a forked child has what is here too, but no duty */

static int set_flag(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : SYSTEM_CALL(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), -1);
}

/* The index of a free entry, or -1. */
static int32_t take_entry(void)
{
    int32_t entry = flagged_free;
    if (entry != NO_ENTRY) {
        flagged_free = ~flagged[entry].fd;
        return entry;
    }
    if (flagged_used == flagged_capacity) {
        int32_t capacity = flagged_capacity ? 2 * flagged_capacity : 64;
        struct flagged *larger = system_resize(flagged, (size_t)capacity * sizeof *larger);
        if (!larger)
            return -1;
        flagged = larger;
        flagged_capacity = capacity;
    }
    return flagged_used++;
}

static void free_entry(int32_t entry)
{
    flagged[entry].fd = ~flagged_free;
    flagged_free = entry;
}

/* compare_files orders entries by their open files; 0: it is the same one. A socket cannot be opened
 * twice; of what has one inode for many open files (eventfds) only the kernel knows the order. */
static int compare_files(const struct flagged *a, const struct flagged *b)
{
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    if (a->inode != b->inode)
        return a->inode < b->inode ? -1 : 1;
    switch (a->socket ? 0 : syscall(SYS_kcmp, adopter, adopter, KCMP_FILE, a->fd, b->fd)) {
    case 0: return 0;
    case 1: return -1;
    case 2: return 1;
    }
    return (a->fd > b->fd) - (a->fd < b->fd); /* a kernel without kcmp: taken for different ones */
}

/* The tree's keys are indices plus one, as the entries move. */
static void *key_of(int32_t entry)
{
    return (void *)((intptr_t)entry + 1);
}

static int32_t entry_of(const void *key)
{
    return (int32_t)((intptr_t)key - 1);
}

static int by_file(const void *a, const void *b)
{
    return compare_files(&flagged[entry_of(a)], &flagged[entry_of(b)]);
}

static int by_file_and_entry(const void *a, const void *b)
{
    int order = a == b ? 0 : by_file(a, b);
    return order ? order : (entry_of(a) > entry_of(b)) - (entry_of(a) < entry_of(b));
}

/* rely_on_flag has the open file of d non-blocking until stop_relying. 0 or -errno. */
static int rely_on_flag(struct system_descriptor *d, const struct stat *status)
{
    int error = 0;
    pthread_mutex_lock(&changing);
    int32_t entry = take_entry();
    if (entry < 0) {
        error = ENOMEM;
    } else {
        int flags = fcntl(d->fd, F_GETFL);
        bool change = !(flags & O_NONBLOCK);
        if (flags < 0 || (change && SYSTEM_CALL(fcntl(d->fd, F_SETFL, flags | O_NONBLOCK), -1) < 0)) {
            error = errno;
            free_entry(entry);
        } else {
            flagged[entry] = (struct flagged){status->st_dev, status->st_ino, d->fd, change, S_ISSOCK(status->st_mode)};
            adopter = getpid();
            if (change || tsearch(key_of(entry), &inheritors, by_file_and_entry)) {
                d->flagged = 1 + (uint32_t)entry;
            } else {
                error = ENOMEM;
                free_entry(entry);
            }
        }
    }
    pthread_mutex_unlock(&changing);
    if (error)
        errno = error;
    return -error;
}

static bool inherited(int32_t gone)
{
    void *const *found = tfind(key_of(gone), &inheritors, by_file);
    if (!found)
        return false;
    int32_t heir = entry_of(*found);
    tdelete(key_of(heir), &inheritors, by_file_and_entry);
    flagged[heir].changed = true;
    return true;
}

static void stop_relying(struct system_descriptor *d)
{
    pthread_mutex_lock(&changing);
    int32_t entry = (int32_t)(d->flagged - 1);
    if (!flagged[entry].changed)
        tdelete(key_of(entry), &inheritors, by_file_and_entry);
    else if (!inherited(entry))
        (void)set_flag(d->fd, false);
    free_entry(entry);
    pthread_mutex_unlock(&changing);
}

__attribute__((destructor)) static void put_back_at_exit(void)
{
    if (adopter != getpid())
        return;
    pthread_mutex_lock(&changing);
    for (int32_t i = 0; i < flagged_used; i++)
        if (flagged[i].fd >= 0 && flagged[i].changed)
            (void)set_flag(flagged[i].fd, false);
    pthread_mutex_unlock(&changing);
}

/* ---- Adopting -------------------------------------------------------------------------------------- */

/* A device that another open might not find: /dev/tty is the terminal of its opener, /dev/ptmx a
 * new one each time (major 5), /dev/tty0 the one in front (4, 0). */
static bool terminal_of_its_own(const struct stat *status)
{
    return S_ISCHR(status->st_mode) && major(status->st_rdev) != 5 && status->st_rdev != makedev(4, 0);
}

/* open_again returns another descriptor of the same pipe or terminal, non-blocking, or -1. By
 * thread-self: once the main thread has ended, /proc/self shows no descriptors. */
static int open_again(int fd, int flags, const struct stat *status)
{
    char name[48];
    struct stat opened;
    snprintf(name, sizeof name, "/proc/thread-self/fd/%d", fd);
    int again = SYSTEM_CALL(open(name, (flags & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), -1);
    if (again < 0)
        return -1;
    if (fstat(again, &opened) == 0 && opened.st_dev == status->st_dev && opened.st_ino == status->st_ino &&
        opened.st_rdev == status->st_rdev && (!(flags & O_DIRECT) || fcntl(again, F_SETFL, (flags & O_APPEND) | O_NONBLOCK | O_DIRECT) == 0))
        return again; /* O_DIRECT: a pipe of packets, which open does not take */
    close(again);
    return -1;
}

/* Whether a call on the socket other than reading and writing may block: accept, or connect. */
static bool listens_or_may_connect(int fd)
{
    int type = 0, listens = 0;
    socklen_t length = sizeof type;
    struct sockaddr_storage peer;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || (type != SOCK_STREAM && type != SOCK_SEQPACKET))
        return false;
    length = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens)
        return true;
    length = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &length) < 0;
}

int system_adopt(struct system_descriptor *d, int fd)
{
    struct stat status;
    int protocol = 0, flags = SYSTEM_CALL(fcntl(fd, F_GETFL), -1);
    socklen_t length = sizeof protocol;
    if (flags < 0 || SYSTEM_CALL(fstat(fd, &status), -1) < 0)
        return -errno;
    *d = (struct system_descriptor){.fd = fd, .io_fd = fd, .kind = OTHER};
    switch (status.st_mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR:
        return 0; /* always ready: no poller takes them */
    case S_IFSOCK:
        if (SYSTEM_CALL(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length), -1) < 0)
            return -errno;
        d->kind = protocol == IPPROTO_TCP ? TCP : SOCKET;
        if (!listens_or_may_connect(fd))
            return 0;
        break;
    case S_IFIFO:
        d->kind = PIPE;
        /* fall through */
    default:
        if (flags & O_NONBLOCK || !(d->kind == PIPE || (terminal_of_its_own(&status) && isatty(fd))))
            break;
        int again = open_again(fd, flags, &status);
        if (again < 0)
            break;
        d->io_fd = again;
        return 0;
    }
    return rely_on_flag(d, &status);
}

int system_release(struct system_descriptor *d)
{
    int fd = d->fd, none = 0;
    if (d->io_fd != fd)
        close(d->io_fd);
    if (d->flagged)
        stop_relying(d);
    if (d->inquires >= DOES)
        setsockopt(fd, IPPROTO_TCP, TCP_INQ, &none, sizeof none);
    *d = (struct system_descriptor){.fd = -1, .io_fd = -1};
    return fd;
}

void system_close(struct system_descriptor *d)
{
    close(system_release(d)); /* EINTR: Linux has closed it all the same */
}

/* ---- Reading --------------------------------------------------------------------------------------- */

/* A read that learns how much it left. */
static long receive_and_ask(int fd, void *buffer, size_t size, int *left)
{
    struct iovec into = {buffer, size};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    long n = SYSTEM_TRANSFER(syscall(SYS_recvmsg, fd, &message, MSG_DONTWAIT));
    *left = 1;
    if (n > 0) {
        struct cmsghdr *said = CMSG_FIRSTHDR(&message);
        if (said && said->cmsg_level == IPPROTO_TCP && said->cmsg_type == TCP_CM_INQ)
            memcpy(left, CMSG_DATA(said), sizeof *left);
    }
    return n;
}

/* learn remembers what a read of a TCP socket tells about the next: plain recv as long as reads come short. */
static void learn(struct system_descriptor *d, bool full)
{
    int yes = 1;
    if (d->inquires == NEVER || (d->inquires == WILL && !full))
        return;
    if (d->inquires == WILL && setsockopt(d->fd, IPPROTO_TCP, TCP_INQ, &yes, sizeof yes) < 0)
        d->inquires = NEVER; /* before Linux 4.18 */
    else
        d->inquires = full ? DOES_NOW : DOES;
}

int64_t system_read(struct system_descriptor *d, void *buffer, size_t size, bool *drained)
{
    long n;
    int left;
    __builtin_prefetch(buffer, 1); /* the kernel writes it half a microsecond later */
    do {
        left = 1;
        if (d->inquires == DOES_NOW)
            n = receive_and_ask(d->fd, buffer, size, &left);
        else if (d->kind <= TCP)
            n = SYSTEM_TRANSFER(syscall(SYS_recvfrom, d->fd, buffer, size, MSG_DONTWAIT, NULL, NULL));
        else
            n = SYSTEM_TRANSFER(syscall(SYS_read, d->io_fd, buffer, size));
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        *drained = errno == EAGAIN;
        return -errno;
    }
    /* Only of TCP does a short read say that nothing was left: a local socket ends one at passed descriptors. */
    bool full = (size_t)n == size;
    *drained = d->kind == TCP && n > 0 && (!full || left == 0);
    if (n > 0)
        learn(d, full);
    return n;
}

/* ---- Writing --------------------------------------------------------------------------------------- */

#define PIPE_ONLY (UINT64_C(1) << (SIGPIPE - 1))

void system_begin_quiet(struct quiet *quiet)
{
    uint64_t pipe_only = PIPE_ONLY;
    quiet->pending = 0;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &pipe_only, &quiet->mask, sizeof quiet->mask);
    syscall(SYS_rt_sigpending, &quiet->pending, sizeof quiet->pending);
}

void system_end_quiet(const struct quiet *quiet, int raised)
{
    uint64_t pipe_only = PIPE_ONLY;
    struct timespec no_time = {0, 0};
    int error = errno;
    if (raised && !(quiet->pending & PIPE_ONLY))
        while (syscall(SYS_rt_sigtimedwait, &pipe_only, NULL, &no_time, sizeof pipe_only) < 0 && errno == EINTR)
            ;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &quiet->mask, NULL, sizeof quiet->mask);
    errno = error;
}

static long write_masked(int fd, const void *data, size_t size)
{
    struct quiet quiet;
    system_begin_quiet(&quiet);
    long n = syscall(SYS_write, fd, data, size);
    system_end_quiet(&quiet, n < 0 && errno == EPIPE);
    return n;
}

int64_t system_quiet_write(int fd, const void *data, size_t size)
{
    struct iovec from = {(void *)(uintptr_t)data, size};
    long n;
    do {
        n = SYSTEM_TRANSFER(syscall(SYS_pwritev2, fd, &from, 1, -1L, -1L, RWF_NOSIGNAL));
        /* The kernel knows no pwritev2 (before 4.6, or a filter), or not this flag of it (before 6.18), or not for this file. */
        if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM || errno == EINVAL))
            n = SYSTEM_TRANSFER(write_masked(fd, data, size));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int64_t system_write(struct system_descriptor *d, const void *data, size_t size)
{
    long n;
    if (d->kind == PIPE)
        return system_quiet_write(d->io_fd, data, size);
    do {
        n = d->kind <= TCP ? SYSTEM_TRANSFER(syscall(SYS_sendto, d->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0))
                           : SYSTEM_TRANSFER(syscall(SYS_write, d->io_fd, data, size));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* ---- The rest -------------------------------------------------------------------------------------- */

int system_accept(struct system_descriptor *listener, struct system_descriptor *connection)
{
    long fd;
    do {
        fd = SYSTEM_TRANSFER(syscall(SYS_accept4, listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED)); /* that one left before it was its turn */
    if (fd < 0)
        return -errno;
    *connection = (struct system_descriptor){
        .fd = (int)fd, .io_fd = (int)fd, .kind = listener->kind, .inquires = listener->kind == TCP ? WILL : NEVER};
    return 0;
}

_Static_assert(sizeof(struct system_look) == sizeof(struct pollfd) &&
                   offsetof(struct system_look, found) == offsetof(struct pollfd, revents) && SYSTEM_NOT_OPEN == POLLNVAL,
               "poll takes them as they are");

static int look(struct system_look *looks, uint32_t count)
{
    long n;
    do {
        struct timespec no_time = {0};
        n = SYSTEM_CALL(syscall(SYS_ppoll, looks, count, &no_time, NULL, 8), -1);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    return n < 0 ? -errno : (int)n;
}

int system_poll_now(int fd, uint32_t events)
{
    struct system_look one = {.fd = fd, .events = (uint16_t)events};
    int rc = look(&one, 1);
    if (rc < 0)
        return rc;
    if (fd < 0 || one.found & SYSTEM_NOT_OPEN) {
        errno = EBADF;
        return -EBADF;
    }
    return one.found;
}

int system_poll_all(struct system_look *looks, uint32_t count)
{
    int found = 0;
    while (count) {
        uint32_t some = count < 256 ? count : 256;
        int rc = look(looks, some);
        if (rc == -EINVAL && some > 1)
            rc = look(looks, some = 1); /* poll takes no more than RLIMIT_NOFILE */
        if (rc < 0)
            return rc;
        found += rc;
        looks += some;
        count -= some;
    }
    return found;
}
