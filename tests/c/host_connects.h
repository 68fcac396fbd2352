/* Listeners of the program's own, and a host that connects to them by COTHREAD_CONNECT.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_CONNECTS_H
#define HOST_CONNECTS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <sys/un.h>

#include "list_host.h"
#include "open_descriptors.h"

/* The library finds this function first: "slow" is a name of this computer whose look-up takes until it is let go on. */
static sem_t looking, go_on, going;

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    static int (*original)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!original)
        *(void **)&original = dlsym(RTLD_NEXT, "getaddrinfo");
    if (host && strcmp(host, "slow") == 0 && !(hints->ai_flags & AI_NUMERICHOST)) {
        sem_post(&looking);
        while (sem_wait(&go_on) < 0)
            ;
        sem_post(&going);
        host = "127.0.0.1";
    }
    return original(host, service, hints, found);
}

static inline void let_go_on(void) {
    sem_post(&go_on);
    while (sem_wait(&going) < 0)
        continue;
}

static char port[8], silent_port[8], refusing_port[8];
static char local_path[24];
static int listener, local, silent[3], refusing;

static inline int bound(char text[8], int backlog) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    expect(bind(fd, (struct sockaddr *)&address, length), 0); /* of -1: it refuses */
    if (backlog >= 0)
        expect(listen(fd, backlog), 0);
    expect(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(text, 8, "%d", ntohs(address.sin_port));
    return fd;
}

/* A listener at an abstract path, or with a backlog of -1 a client. */
static inline int local_socket(const char *path, int backlog) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(address.sun_path + 1, path + 1, strlen(path) - 1);
    if (backlog < 0) {
        expect(connect(fd, (struct sockaddr *)&address, length), 0);
    } else {
        expect(bind(fd, (struct sockaddr *)&address, length), 0);
        expect(listen(fd, backlog), 0);
    }
    return fd;
}

/* Two that answer; one whose backlog is full, and which does not; one that refuses, as nobody listens there. */
static inline void open_listeners(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sem_init(&looking, 0, 0);
    sem_init(&go_on, 0, 0);
    sem_init(&going, 0, 0);
    snprintf(local_path, sizeof local_path, "@cothread-test-%d", (int)getpid());
    local = local_socket(local_path, 64);
    listener = bound(port, 64);
    refusing = bound(refusing_port, -1);
    silent[0] = bound(silent_port, 0);
    address.sin_port = htons((uint16_t)atoi(silent_port));
    for (int i = 1; i < 3; i++) {
        silent[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(silent[i], (struct sockaddr *)&address, sizeof address);
    }
}

static inline void ask_to_connect(cothread_handle task, const char *host, const char *service, int64_t deadline) {
    request((cothread_request){.task = task, .operation = COTHREAD_CONNECT, .deadline = deadline,
                               .object = (int64_t)(intptr_t)host, .value = (int64_t)(intptr_t)service});
}

/* The next entry, however the host polls. */
static uint32_t flags;
static inline const cothread_ready *next_entry(void) {
    expect(cothread_submit() >= 0, 1);
    do {
        if (flags & COTHREAD_HOST_POLLS)
            host_round();
        else
            expect(cothread_poll_scheduler(COTHREAD_FOREVER) >= 0, 1);
    } while (ring->ready_count == 0);
    expect(ring->ready_count, 1);
    return ring->ready;
}

#endif
