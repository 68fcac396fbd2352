/* quiet_client.c - the load of the crowd of connections: a few are always busy, and the others now and then ask something.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   quiet_client PORT CONNECTIONS BUSY QUESTIONS
 *       BUSY connections keep WINDOW bytes on their way, whatever comes back; a thread of its own asks QUESTIONS times, each
 *       time on the next of the others, one question each ms. Prints "p50 p99 messages": how long the answers took in us,
 *       and how many messages of 64 bytes the busy ones got back meanwhile. Then all are closed.
 */
#define _GNU_SOURCE
#define PEER "quiet_client"
#include "measure.h"
#include <stdatomic.h>
#include <sys/epoll.h>

#define WINDOW 32768
#define QUESTION_NS NS_PER_MS

static int *connections;
static long count, busy, questions;
static _Atomic long echoed;
static _Atomic int finished;

/* What comes back goes out again, so WINDOW bytes stay on their way. */
static void *keep_busy(void *unused) {
    static char block[WINDOW];
    struct epoll_event events[64];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < busy; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = connections[i]};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connections[i], &event);
        if (send(connections[i], block, sizeof block, MSG_NOSIGNAL) != sizeof block)
            give_up_errno("send");
    }
    while (!atomic_load(&finished)) {
        int ready = epoll_wait(epoll_fd, events, 64, 100);
        for (int i = 0; i < ready; i++) {
            ssize_t size = recv(events[i].data.fd, block, sizeof block, MSG_DONTWAIT);
            if (size <= 0 || send(events[i].data.fd, block, (size_t)size, MSG_NOSIGNAL) != size)
                give_up_errno("a busy connection");
            atomic_fetch_add(&echoed, size);
        }
    }
    return unused;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void ask(void) {
    char message[MESSAGE_SIZE] = {0};
    int64_t *took = calloc((size_t)questions, sizeof *took), next = wall_ns() + 200 * NS_PER_MS;
    long before = 0;
    for (long i = 0; i < questions; i++) {
        int fd = connections[busy + i % (count - busy)];
        int64_t start;
        struct timespec until = {(next += QUESTION_NS) / NS_PER_SECOND, next % NS_PER_SECOND};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        if (i == 0)
            before = atomic_load(&echoed);
        start = wall_ns();
        if (send(fd, message, sizeof message, MSG_NOSIGNAL) != sizeof message || recv(fd, message, sizeof message, MSG_WAITALL) != sizeof message)
            give_up_errno("a question");
        took[i] = wall_ns() - start;
    }
    long messages = (atomic_load(&echoed) - before) / MESSAGE_SIZE;
    qsort(took, (size_t)questions, sizeof *took, by_size);
    printf("%.1f %.1f %ld\n", (double)took[questions / 2] / 1e3, (double)took[questions * 99 / 100] / 1e3, messages);
    free(took);
}

int main(int argc, char **argv) {
    pthread_t thread;
    allow_many_descriptors();
    if (argc != 5)
        give_up("usage: quiet_client PORT CONNECTIONS BUSY QUESTIONS");
    count = atol(argv[2]);
    busy = atol(argv[3]);
    questions = atol(argv[4]);
    connections = calloc((size_t)count, sizeof *connections);
    for (long i = 0; i < count; i++) {
        connections[i] = connect_to(atol(argv[1]));
        send_at_once(connections[i]);
    }
    pthread_create(&thread, NULL, keep_busy, NULL);
    ask();
    atomic_store(&finished, 1);
    pthread_join(thread, NULL);
    return 0;
}
