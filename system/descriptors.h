/* descriptors.h - reading, writing and accepting on descriptors that belong to the host, without
 * blocking and without a trace.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same descriptor, or another one of the same open file, may be used by other threads and
 * processes: a shell's terminal, a pipe handed to a child. They must not find it non-blocking. So
 * data never depends on a flag of the open file: on sockets each operation says for itself that it
 * does not block; pipes and terminals are opened once more, with a flag of their own. For what
 * knows neither, the flag is set and put back at release, at close and at exit:
 *   - a listening socket, and a stream socket that is not connected (connect and accept cannot say
 *     it for themselves)
 *   - a pipe or terminal that cannot be opened again (another user's, /proc is not mounted, in
 *     exclusive use)
 *   - whatever is neither socket, pipe nor terminal.
 * Not put back if the process ends by a signal or _exit. A forked child never puts anything back:
 * its parent may still use it.
 *
 * A system defines:
 *   system_adopt(d, fd)
 *       Prepares *d for the open descriptor `fd`. Nothing is left behind if it fails.
 *   system_release(d)
 *       Puts back what system_adopt changed; returns fd, which is the caller's again.
 *   system_close(d)
 *       The same, and closes fd.
 *   system_read(d, buffer, size, &drained)
 *       Reads what is there, at most `size` >= 1 bytes. > 0: so many. 0: the end. `drained` is true
 *       if nothing more was there, the end apart, so that a poller will report what comes later;
 *       false: not known. -EAGAIN: nothing was there (drained).
 *   system_write(d, data, size)
 *       Writes as much as there is room for, >= 1 if size is. -EAGAIN: no room. -EPIPE: nobody can
 *       read it any more; no SIGPIPE is raised.
 *   system_accept(listener, connection)
 *       Accepts a connection, close-on-exec and non-blocking (nobody else has it), and prepares
 *       *connection for it. -EAGAIN: there is none.
 *   system_poll_now(fd, events)
 *       Which of `events` (poll(2)'s bits) an open descriptor has now, and error and hangup. Of any
 *       descriptor, adopted or not.
 *   system_poll_all(looks, count)
 *       The same of many descriptors, each with what is asked and found; returns how many have
 *       something. One that is not open has 0x20 (POLLNVAL) found.
 *
 * All return 0 or a positive result, or -errno, which errno holds too. A signal does not end them:
 * they go on. None blocks, none is a cancellation point. One descriptor belongs to one thread at a
 * time; different ones are independent.
 *
 * A poller watches system_descriptor.fd: it is the same file. What the host calls on fd by itself
 * may block, as before, unless the flag is set for one of the reasons above: recvmsg, say, wants
 * MSG_DONTWAIT.
 */
#ifndef SYSTEM_DESCRIPTORS_H
#define SYSTEM_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zeros, or: */
struct system_descriptor {
    int32_t fd;       /* as the host knows it; the rest is the system's own */
    int32_t io_fd;    /* what is read and written: fd, or the same file opened once more */
    uint32_t flagged; /* 1 + its entry among those that rely on the open file's flag; or 0 */
    uint8_t kind;
    uint8_t inquires; /* whether a full read learns that more is there */
    uint16_t reserved;
};
_Static_assert(sizeof(struct system_descriptor) == 16, "no padding, and four to a cache line");

int system_adopt(struct system_descriptor *d, int fd);
int system_release(struct system_descriptor *d);
void system_close(struct system_descriptor *d);
int64_t system_read(struct system_descriptor *d, void *buffer, size_t size, bool *drained);
int64_t system_write(struct system_descriptor *d, const void *data, size_t size);
int system_accept(struct system_descriptor *listener, struct system_descriptor *connection);
int system_poll_now(int fd, uint32_t events);

struct system_look {
    int32_t fd;
    uint16_t events, found; /* of poll(2) */
};
#define SYSTEM_NOT_OPEN 0x20 /* found */
int system_poll_all(struct system_look *looks, uint32_t count);

#endif
