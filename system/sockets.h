/* sockets.h - what connections ask of the operating system beside reading and writing.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A system defines:
 *   system_socket(d, family, type, protocol)
 *       Makes a socket, close-on-exec and non-blocking (nobody else has it), and prepares *d for it.
 *       One of TCP sends at once. system_close ends it.
 *   system_connect(d, address)
 *       Begins to connect. 0: connected. -EINPROGRESS: a poller will report it. -EAGAIN: there is no
 *       room in the backlog, and no poller tells when there is.
 *   system_connected(d, address)
 *       How that went. 0: connected. -EINPROGRESS: it is not known yet.
 *   system_listen(d, address, backlog)
 *       Takes an address, also one whose last connections are not forgotten yet; with `backlog` > 0
 *       a stream listens there. Of IPv6 it takes connections of IPv4 too.
 *   system_look_at(fd, look)
 *       What an open descriptor is: see struct system_look_at.
 *   system_finish(d)
 *       Ends the output of a stream socket; of anything else nothing is ended.
 *   system_unacknowledged(d, finished)
 *       How many bytes that were written have not arrived at the peer's system, its end apart.
 *   system_write_spans(d, spans, count)
 *       system_write of several pieces; of a part of them, as far as there is room.
 *   system_write_file(d, fd, offset, size)
 *       Writes from a file. 0: it ends there. -EBADF is about the file. May block where reading
 *       does, never for want of room.
 *   system_send(d, message), system_receive(d, message)
 *       One datagram, or bytes of a stream, with an address and descriptors. Those received are
 *       close-on-exec. Of a datagram its length is returned, also if it was cut.
 *   system_close_received(fd)
 *       Closes a descriptor that came with a message.
 *   system_numeric(host, service, family, type, passive, addresses, room)
 *       The addresses that two numbers stand for; how many, > 0. -ENOENT: they are none. No name is
 *       looked up. `host` NULL: all addresses if `passive`, else this host.
 *   system_address(fd, peer, address)
 *       The address of one end of a socket.
 *   system_address_text(address, text, size)
 *       An address as people write it; returns as snprintf does, or -EAFNOSUPPORT.
 *   system_unix_address(path, address)
 *       The address of a path, or of an abstract name after '@'. -ENAMETOOLONG, -ENOENT: empty.
 *   system_unix_remove(address)
 *       Removes the file of a Unix socket that no process has any more. -EADDRINUSE: one has it, or
 *       the file is no socket. Nobody who listens there is connected to.
 *
 * All return 0 or a positive result, or -errno, which errno holds too. A signal does not end them.
 * None raises SIGPIPE, none is a cancellation point, none waits. */
#ifndef SYSTEM_SOCKETS_H
#define SYSTEM_SOCKETS_H

#include "../cothread.h"
#include "descriptors.h"

enum { SYSTEM_DESCRIPTORS_MAX = 253 }; /* in one message: SCM_MAX_FD */

struct system_look_at {
    bool socket, datagram, listens, connected;
    bool reads, writes; /* what it was opened for */
};

struct system_message {
    void *data;
    size_t size;
    bool datagram;             /* receive: its whole length is wanted */
    cothread_address *address; /* NULL: none */
    int32_t *descriptors;      /* receive: room for SYSTEM_DESCRIPTORS_MAX */
    uint32_t descriptor_count;
};

int system_socket(struct system_descriptor *d, int family, int type, int protocol);
int system_connect(struct system_descriptor *d, const cothread_address *address);
int system_connected(struct system_descriptor *d, const cothread_address *address);
int system_listen(struct system_descriptor *d, const cothread_address *address, int backlog);
int system_look_at(int fd, struct system_look_at *look);
int system_finish(struct system_descriptor *d);
int64_t system_unacknowledged(struct system_descriptor *d, bool finished);
int64_t system_write_spans(struct system_descriptor *d, const cothread_span *spans, size_t count);
int64_t system_write_file(struct system_descriptor *d, int fd, int64_t offset, size_t size);
int64_t system_send(struct system_descriptor *d, const struct system_message *message);
int64_t system_receive(struct system_descriptor *d, struct system_message *message);
void system_close_received(int fd);
int system_numeric(const char *host, const char *service, int family, int type, bool passive, cothread_address *addresses, int room);
int system_address(int fd, bool peer, cothread_address *address);
int system_address_text(const cothread_address *address, char *text, size_t size);
int system_unix_address(const char *path, cothread_address *address);
int system_unix_remove(const cothread_address *address);

#endif
