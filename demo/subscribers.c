/* subscribers.c - the clients of the demo: one process that holds 500 connections to a telemetry service.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   subscribers PORT     ends when the service does; fails if the service did not keep what reading.h promises
 *
 * Ten of the clients are slow: they take 512 bytes each tenth of a second, less than they are sent. They must stay
 * connected, and nobody else may notice them. This is plain epoll, so that the service is measured, not ourselves.
 */
#include "histogram.h"
#include "reading.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 500, SLOW = 10, SENSORS_EACH = 4, SLOW_READ_BYTES = 512, SLOW_PERIOD_MS = 100, EVENTS = 256 };

static struct client {
    int fd; /* -1: closed */
    int slow;
    int told_end;
    size_t held; /* bytes of a record that is not complete yet */
    uint64_t updates;
    uint32_t sequence[SENSORS]; /* of the newest reading of each */
    char buffer[8192 + sizeof(struct reading)];
} clients[CLIENTS];

static uint64_t updates, disorder, cut_off;
static struct histogram latency;
static int open_fast;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void give_up(const char *what) {
    fprintf(stderr, "subscribers: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void take(struct client *client, const struct reading *reading, int64_t received) {
    if (reading->sensor == SERVICE_ENDS) {
        client->told_end = 1;
        return;
    }
    if (reading->sensor >= SENSORS || reading->sequence <= client->sequence[reading->sensor]) {
        disorder++;
        return;
    }
    client->sequence[reading->sensor] = reading->sequence;
    client->updates++;
    updates++;
    if (!client->slow)
        histogram_add(&latency, received - reading->time);
}

static void hang_up(struct client *client) {
    cut_off += !client->told_end;
    close(client->fd);
    client->fd = -1;
    open_fast -= !client->slow;
}

static void receive(struct client *client, size_t most) {
    struct reading reading;
    size_t used = 0;
    ssize_t n = recv(client->fd, client->buffer + client->held, most, MSG_DONTWAIT);
    int64_t received = now();
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        hang_up(client);
        return;
    }
    client->held += (size_t)n;
    for (; client->held - used >= sizeof reading; used += sizeof reading) {
        memcpy(&reading, client->buffer + used, sizeof reading);
        take(client, &reading, received);
    }
    client->held -= used;
    memmove(client->buffer, client->buffer + used, client->held);
}

static void connect_client(struct client *client, int number, int port, int epoll_fd) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    char line[LINE_MAX_BYTES];
    int length = 0, buffer = 4096;
    client->slow = number < SLOW;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        give_up("socket");
    if (client->slow) /* before connect: the window the service sees follows from it */
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0)
        give_up("connect");
    for (int i = 0; i < SENSORS_EACH; i++)
        length += snprintf(line + length, sizeof line - (size_t)length, "%d%c",
                           (number + i * SENSORS / SENSORS_EACH) % SENSORS, i < SENSORS_EACH - 1 ? ' ' : '\n');
    if (send(client->fd, line, (size_t)length, MSG_NOSIGNAL) != length)
        give_up("send");
    if (client->slow)
        return;
    open_fast++;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0)
        give_up("epoll_ctl");
}

int main(int argc, char **argv) {
    struct epoll_event events[EVENTS];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    uint64_t slow_updates = 0;
    int starved = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: subscribers PORT\n");
        return 2;
    }
    for (int i = 0; i < CLIENTS; i++)
        connect_client(&clients[i], i, atoi(argv[1]), epoll_fd);

    int64_t slow_turn = now();
    while (open_fast > 0) {
        int n = epoll_wait(epoll_fd, events, EVENTS, SLOW_PERIOD_MS);
        for (int i = 0; i < n; i++) {
            struct client *client = events[i].data.ptr;
            receive(client, sizeof client->buffer - client->held);
        }
        if (now() < slow_turn)
            continue;
        slow_turn = now() + SLOW_PERIOD_MS * INT64_C(1000000);
        for (int i = 0; i < SLOW; i++)
            if (clients[i].fd >= 0)
                receive(&clients[i], SLOW_READ_BYTES);
    }

    for (int i = 0; i < CLIENTS; i++) {
        starved += clients[i].updates == 0;
        slow_updates += clients[i].slow ? clients[i].updates : 0;
    }
    printf("subscribers, %d clients of %d sensors each\n", CLIENTS, SENSORS_EACH);
    printf("  updates received               %12lu  %lu of them by %d slow clients\n", updates, slow_updates, SLOW);
    printf("  latency, reading to client     p50 %8.0f us  p99 %.0f us  (slow clients left out)\n",
           histogram_percentile(&latency, 50), histogram_percentile(&latency, 99));
    printf("  cut off, starved, out of order %12lu  %d  %lu\n", cut_off, starved, disorder);
    return cut_off > 0 || starved > 0 || disorder > 0;
}
