/* echo_client.c - the load of the echo benchmarks: each connection keeps one 64-byte message on its way.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   echo_client PORT CONNECTIONS ROUNDS
 *       each connection sends ROUNDS messages, then closes; the server does the accounting
 *   echo_client PORT CONNECTIONS SECONDS SERVER_PID
 *       after a warm-up, counts for SECONDS and prints "messages seconds server_cpu_seconds"
 */
#define _GNU_SOURCE
#define PEER "echo_client"
#include "measure.h"
#include <sys/epoll.h>

#define EVENTS 256
#define STALLED_MS 20000
#define WARM_UP_NS (NS_PER_SECOND / 2)

struct connection {
    int fd;
    size_t received; /* of the message on its way */
    long left;       /* messages still to come back */
};

static const char message[MESSAGE_SIZE];
static int epoll_fd;
static long messages, open_connections;

static void send_message(struct connection *connection) {
    if (send(connection->fd, message, sizeof message, MSG_NOSIGNAL) != (ssize_t)sizeof message)
        give_up_errno("send");
}

static struct connection *open_all(long port, long count, long rounds) {
    struct connection *connections = calloc((size_t)count, sizeof *connections);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (long i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        connections[i].fd = connect_to(port);
        connections[i].left = rounds;
        send_at_once(connections[i].fd);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connections[i].fd, &event) < 0)
            give_up_errno("epoll_ctl");
    }
    open_connections = count;
    for (long i = 0; i < count; i++)
        send_message(&connections[i]);
    return connections;
}

static void receive(struct connection *connection) {
    char buffer[MESSAGE_SIZE];
    ssize_t size = recv(connection->fd, buffer, sizeof buffer, 0);
    if (size <= 0)
        give_up("the server closed a connection");
    connection->received += (size_t)size;
    if (connection->received < MESSAGE_SIZE)
        return;
    connection->received -= MESSAGE_SIZE;
    messages++;
    if (--connection->left > 0) {
        send_message(connection);
    } else {
        close(connection->fd);
        open_connections--;
    }
}

static void exchange_once(void) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll_fd, events, EVENTS, STALLED_MS);
    if (count <= 0)
        give_up("no answer for 20 s");
    for (int i = 0; i < count; i++)
        receive(events[i].data.ptr);
}

static void exchange_until(int64_t instant) {
    while (wall_ns() < instant)
        exchange_once();
}

static void measure_server(int64_t duration, pid_t server) {
    clockid_t server_cpu;
    int64_t start, cpu_before;
    if (clock_getcpuclockid(server, &server_cpu) != 0)
        give_up("no such server process");
    exchange_until(wall_ns() + WARM_UP_NS);
    messages = 0;
    start = wall_ns();
    cpu_before = clock_ns(server_cpu);
    exchange_until(start + duration);
    printf("%ld %.4f %.4f\n", messages, (double)(wall_ns() - start) / 1e9, (double)(clock_ns(server_cpu) - cpu_before) / 1e9);
}

int main(int argc, char **argv) {
    allow_many_descriptors();
    if (argc == 4) {
        open_all(atol(argv[1]), atol(argv[2]), atol(argv[3]));
        while (open_connections > 0)
            exchange_once();
    } else if (argc == 5) {
        open_all(atol(argv[1]), atol(argv[2]), INT32_MAX);
        measure_server((int64_t)(atof(argv[3]) * 1e9), atoi(argv[4]));
    } else {
        give_up("usage: echo_client PORT CONNECTIONS ROUNDS | PORT CONNECTIONS SECONDS SERVER_PID");
    }
    return 0;
}
