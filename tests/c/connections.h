/* Connections of every kind, for tests.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/un.h>

/* Both ends of a connection of TCP that nobody has adopted. */
static inline void tcp_pair(int fds[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    expect(bind(listener, (struct sockaddr *)&address, length), 0);
    expect(listen(listener, 1), 0);
    expect(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    expect(connect(fds[0], (struct sockaddr *)&address, length), 0);
    fds[1] = accept(listener, NULL, NULL);
    expect(fds[1] >= 0, 1);
    close(listener);
}

static inline void unix_pair(int fds[2]) {
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static inline cothread_handle connection_of(int fd) {
    return handle(cothread_connection_adopt(fd, NULL, 0, NULL));
}

/* Two connections, of what `pair` makes. */
static inline void connected(void (*pair)(int fds[2]), cothread_handle ends[2]) {
    int fds[2];
    pair(fds);
    ends[0] = connection_of(fds[0]);
    ends[1] = connection_of(fds[1]);
}

static inline void say_at(const char *file, int line, cothread_handle connection, const char *text) {
    size_t written;
    expect_at(file, line, "write", cothread_connection_write(connection, text, strlen(text), &written, COTHREAD_FOREVER), 0);
    expect_at(file, line, "written", (long long)written, (long long)strlen(text));
}
#define say(connection, text) say_at(__FILE__, __LINE__, connection, text)

/* A reset instead of an end. */
static inline void reset(int fd) {
    struct linger at_once = {1, 0};
    expect(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
}

#endif
