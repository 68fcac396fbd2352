/* adopted.c - waiting for descriptors, owned by the caller or adopted.
 * SPDX-License-Identifier: Apache-2.0
 *
 * An adopted descriptor is registered once, edge-triggered; the tick half hands each report to adopted_ready. Two sets of
 * poll(2) bits follow:
 *   drained  the last try found nothing: do not try again before an edge clears it
 *   sticky   RDHUP, HUP, ERR and PRI, which are reported once and stay true. Ten bytes and a FIN may be one event: after a
 *            short read there is still an end to be read, so while one is set a short read does not count as drained */
#define _GNU_SOURCE
#include "native.h"
#include "waiting.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The system calls themselves: libc's read and its like are cancellation points, and their bookkeeping takes an echo
 * server from 0.92 of raw epoll's messages per CPU-second to 0.89 (bench echo, medians of six rounds). */
#define read(fd, buffer, size) syscall(SYS_read, fd, buffer, size)
#define write(fd, data, size) syscall(SYS_write, fd, data, size)
#define send(fd, data, size, flags) syscall(SYS_sendto, fd, data, size, flags, NULL, 0)
#define recv(fd, buffer, size, flags) syscall(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL)

struct adopted {
    uint32_t index, generation;
    struct slot *next_free;
    int32_t fd;
    uint16_t drained, sticky;
    bool open, socket;
    bool byte_stream; /* TCP, on which a short read means that nothing is left */
    struct waiters readers, writers, either;
};
_Static_assert(sizeof(struct adopted) <= 64, "a adopted fits its slot");

#define STICKY (COTHREAD_READHUP | COTHREAD_HANGUP | COTHREAD_ERROR | COTHREAD_PRIORITY)

/* look asks the kernel what a descriptor is ready for. Negative: the error. */
static int look(int fd, uint32_t events)
{
    struct pollfd entry = {.fd = fd, .events = (short)events};
    while (poll(&entry, 1, 0) < 0)
        if (errno != EINTR && errno != EAGAIN)
            return fail(COTHREAD_ESYSTEM, "poll failed with errno %lld", errno);
    if (entry.revents & POLLNVAL || fd < 0)
        return fail(COTHREAD_EBADF, "descriptor %lld is not open", fd);
    return (uint16_t)entry.revents;
}

/* ---- A descriptor the caller owns --------------------------------------------------------------------- */

int native_wait_fd(struct scheduler *s, int fd, uint32_t events, int64_t deadline)
{
    int rc;
    if ((rc = look(fd, events)) != 0) {
        busy(s, deadline);
        return rc;
    }
    if ((rc = wait_refused(s, deadline)) != 0)
        return rc;
    struct task *self = s->current;
    self->fd = fd;
    self->events = events;
    rc = wait_here(s, NULL, deadline);
    events = self->events;
    self->events = 0;
    return rc ? rc : (int)events;
}

int native_wake_fd(struct scheduler *s, int fd)
{
    return (int)tick_call(s, CALL_WAKE_FD, fd, 0);
}

/* ---- Adopted descriptors --------------------------------------------------------------------------------- */

cothread_handle native_adopt(struct scheduler *s, int fd)
{
    int error, protocol = 0, flags = fcntl(fd, F_GETFL);
    socklen_t length = sizeof protocol;
    if (flags < 0)
        return fail(COTHREAD_EBADF, "descriptor %lld is not open", fd);
    struct adopted *adopted = slot_take(s, KIND_ADOPTED);
    if (!adopted)
        return slot_refused(s, KIND_ADOPTED);
    adopted->fd = fd;
    adopted->drained = adopted->sticky = 0;
    adopted->socket = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0;
    adopted->byte_stream = adopted->socket && protocol == IPPROTO_TCP; /* a local socket ends a read at passed descriptors */
    adopted->readers.first = adopted->writers.first = adopted->either.first = NULL;
    adopted->open = true;
    cothread_handle handle = handle_of(s, KIND_ADOPTED, adopted);
    error = (int)tick_call(s, CALL_ADOPT, fd, handle);
    if (error == 0 && !(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        tick_call(s, CALL_RELEASE, fd, 0);
        error = COTHREAD_ESYSTEM;
    }
    if (error == 0)
        return handle;
    adopted->open = false;
    slot_release(s, KIND_ADOPTED, adopted);
    switch (error) {
    case COTHREAD_EINVAL: return fail(error, "descriptor %lld is a regular file or a directory, always ready: use it as it is", fd);
    case COTHREAD_EEXIST: return fail(error, "descriptor %lld is adopted already", fd);
    case COTHREAD_ELIMIT: return fail(error, "the kernel registers no more descriptors (%lld)", fd);
    case COTHREAD_EBADF: return fail(error, "descriptor %lld is not open", fd);
    default: return fail(error, "the kernel does not watch descriptor %lld", fd);
    }
}

static void wake_list(struct scheduler *s, struct waiters *list, int reason)
{
    for (struct task *t; (t = list->first);)
        wake_cold(s, t, reason);
}

static void leave_poller(struct scheduler *s, struct adopted *adopted)
{
    tick_call(s, CALL_RELEASE, adopted->fd, 0);
    adopted->open = false;
    wake_list(s, &adopted->readers, COTHREAD_ECLOSED);
    wake_list(s, &adopted->writers, COTHREAD_ECLOSED);
    wake_list(s, &adopted->either, COTHREAD_ECLOSED);
}

int native_release(struct scheduler *s, cothread_handle handle, bool close_it)
{
    int error;
    struct adopted *adopted = resolve(s, KIND_ADOPTED, handle, &error);
    if (!adopted)
        return error;
    int fd = adopted->fd;
    leave_poller(s, adopted);
    slot_release(s, KIND_ADOPTED, adopted);
    if (!close_it)
        return fd;
    close(fd); /* EINTR: Linux has closed it all the same */
    return 0;
}

/* native_close_adopted closes what is still adopted when the scheduler ends: only the library could. */
void native_close_adopted(struct scheduler *s)
{
    for (uint32_t i = 0; i < s->tables[KIND_ADOPTED].used; i++) {
        struct adopted *adopted = slot_at(s, KIND_ADOPTED, i);
        if (adopted->open) {
            leave_poller(s, adopted);
            close(adopted->fd);
        }
    }
}

int native_descriptor(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct adopted *adopted = resolve(s, KIND_ADOPTED, handle, &error);
    return adopted ? adopted->fd : error;
}

void adopted_ready(struct scheduler *s, cothread_handle handle, uint32_t events)
{
    int error;
    struct adopted *adopted = resolve(s, KIND_ADOPTED, handle, &error);
    if (!adopted)
        return; /* closed since */
    adopted->sticky |= (uint16_t)(events & STICKY);
    wake_list(s, &adopted->either, 0);
    if (events & (COTHREAD_READABLE | STICKY)) {
        adopted->drained &= (uint16_t)~COTHREAD_READABLE;
        wake_list(s, &adopted->readers, 0); /* all: the first may leave some, and no new edge would tell the next */
    }
    if (events & (COTHREAD_WRITABLE | COTHREAD_HANGUP | COTHREAD_ERROR)) {
        adopted->drained &= (uint16_t)~COTHREAD_WRITABLE;
        wake_list(s, &adopted->writers, 0);
    }
}

/* await waits until `direction` may be tried again; 0, or why not. */
static int await(struct scheduler *s, struct adopted *adopted, uint32_t direction, int64_t deadline)
{
    int rc = wait_refused(s, deadline);
    if (rc)
        return rc;
    if (s->host_polls)
        tick_call(s, CALL_DRAINED, adopted->fd, direction); /* the host's poll is level-triggered: ask for the next report */
    cothread_handle handle = handle_of(s, KIND_ADOPTED, adopted);
    rc = wait_here(s, direction == COTHREAD_READABLE   ? &adopted->readers
                      : direction == COTHREAD_WRITABLE ? &adopted->writers
                                                       : &adopted->either, deadline);
    int stale;
    return rc == 0 && !resolve(s, KIND_ADOPTED, handle, &stale) ? wait_failed(COTHREAD_ECLOSED) : rc; /* closed before its turn */
}

/* try_now says whether an operation is worth a system call: it did not come to nothing since the last report, or the caller
 * cannot wait for the next. */
static bool try_now(const struct scheduler *s, const struct adopted *adopted, uint32_t direction, int64_t deadline)
{
    return !(adopted->drained & direction) || deadline == COTHREAD_NOW || !s->current;
}

int native_wait_ready(struct scheduler *s, cothread_handle handle, uint32_t events, int64_t deadline)
{
    int rc;
    for (;;) {
        struct adopted *adopted = resolve(s, KIND_ADOPTED, handle, &rc);
        if (!adopted)
            return rc;
        if ((rc = look(adopted->fd, events)) != 0) {
            if (rc > 0)
                adopted->sticky |= (uint16_t)(rc & STICKY); /* the caller may take the urgent byte before epoll reports it */
            busy(s, deadline);
            return rc;
        }
        if ((rc = await(s, adopted, events, deadline)) != 0)
            return rc;
    }
}

int64_t native_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline)
{
    int rc;
    for (;;) {
        struct adopted *adopted = resolve(s, KIND_ADOPTED, handle, &rc);
        if (!adopted)
            return rc;
        if (try_now(s, adopted, COTHREAD_READABLE, deadline)) {
            ssize_t n = adopted->socket ? recv(adopted->fd, buffer, size, MSG_DONTWAIT) : read(adopted->fd, buffer, size);
            if (n >= 0) {
                if ((size_t)n < size && n > 0 && adopted->byte_stream && !(adopted->sticky & STICKY))
                    adopted->drained |= COTHREAD_READABLE;
                else
                    busy(s, deadline);
                return n;
            }
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN)
                return fail(COTHREAD_ESYSTEM, "read from descriptor %lld failed with errno %lld", adopted->fd, errno);
            adopted->drained |= COTHREAD_READABLE;
            adopted->sticky = 0; /* nothing is left, an end neither: a HUP of before connect, a PRI that was taken */
        }
        if ((rc = await(s, adopted, COTHREAD_READABLE, deadline)) != 0)
            return rc;
    }
}

int64_t native_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, int64_t deadline)
{
    size_t written = 0;
    int rc;
    for (;;) {
        struct adopted *adopted = resolve(s, KIND_ADOPTED, handle, &rc);
        if (!adopted)
            return written ? (int64_t)written : rc;
        if (try_now(s, adopted, COTHREAD_WRITABLE, deadline)) {
            ssize_t n = adopted->socket ? send(adopted->fd, (const char *)data + written, size - written, MSG_NOSIGNAL | MSG_DONTWAIT)
                                       : write(adopted->fd, (const char *)data + written, size - written);
            if (n >= 0) {
                written += (size_t)n;
                if (written == size) {
                    busy(s, deadline);
                    return (int64_t)written;
                }
                continue;
            }
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN) {
                if (written)
                    return (int64_t)written; /* the next call meets the error again */
                return fail(COTHREAD_ESYSTEM, "write to descriptor %lld failed with errno %lld", adopted->fd, errno);
            }
            adopted->drained |= COTHREAD_WRITABLE;
        }
        if ((rc = await(s, adopted, COTHREAD_WRITABLE, deadline)) != 0) {
            if (rc == COTHREAD_EINTR && written)
                atomic_store(&s->shared.interrupted, 1); /* the next call says so */
            return written ? (int64_t)written : rc;
        }
    }
}

cothread_handle native_accept(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    int rc;
    for (;;) {
        struct adopted *adopted = resolve(s, KIND_ADOPTED, handle, &rc);
        if (!adopted)
            return rc;
        if (try_now(s, adopted, COTHREAD_READABLE, deadline)) {
            int fd = accept4(adopted->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                cothread_handle connection = native_adopt(s, fd);
                if (connection < 0)
                    close(fd);
                busy(s, deadline);
                return connection;
            }
            if (errno == EINTR || errno == ECONNABORTED)
                continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                return fail(COTHREAD_ELIMIT, "accept on descriptor %lld failed with errno %lld: no descriptor or memory is left",
                            adopted->fd, errno);
            if (errno != EAGAIN)
                return fail(COTHREAD_ESYSTEM, "accept on descriptor %lld failed with errno %lld", adopted->fd, errno);
            adopted->drained |= COTHREAD_READABLE;
        }
        if ((rc = await(s, adopted, COTHREAD_READABLE, deadline)) != 0)
            return rc;
    }
}
