/* A host that pays for each foreign call lets the library connect, read and write: a server that
 * sends back what it gets, and two clients, one call a turn however many have something.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <cothread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static cothread_ring *ring;
static size_t out; /* bytes of ring->output in use */

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, cothread_last_error());
    exit(1);
}

static void ask(cothread_request r) {
    if (ring->request_count == ring->capacity) {
        if (cothread_submit() < 0)
            die("submit");
        out = 0; /* what was to be written has been taken */
    }
    ring->requests[ring->request_count++] = r;
}

/* The token of an entry is what the host wants to find: here the descriptor's handle. */
static void read_on(cothread_handle connection) {
    ask((cothread_request){
        .task = connection, .operation = COTHREAD_READ, .object = connection});
}

static void send_back(cothread_handle connection, const char *data, uint32_t size) {
    if (out + size > ring->output_size) {
        if (cothread_submit() < 0)
            die("submit");
        out = 0;
    }
    memcpy(ring->output + out, data, size);
    ask((cothread_request){.task = connection, .operation = COTHREAD_WRITE, .fd = (int32_t)size,
                           .object = connection, .value = (int64_t)out});
    out += size;
}

/* What is unsent is sent before it closes. */
static void close_after_all(cothread_handle connection) {
    ask((cothread_request){.task = connection, .operation = COTHREAD_CLOSE, .object = connection,
                           .deadline = COTHREAD_FOREVER});
}

/* A client is a host task while it waits for its connection: its token is its number. */
static struct {
    cothread_handle task, connection;
} clients[2];

static void connect_to(const char *port, int client) {
    clients[client].task = cothread_host_create((uint64_t)client, NULL, 0);
    ask((cothread_request){.task = clients[client].task, .operation = COTHREAD_CONNECT,
                           .deadline = cothread_after(5 * COTHREAD_SECOND),
                           .object = (intptr_t) "127.0.0.1", .value = (intptr_t)port});
}

static void connected(const cothread_ready *ready) {
    cothread_handle connection = ready->value;
    ask((cothread_request){.task = clients[ready->token].task, .operation = COTHREAD_FINISH});
    clients[ready->token].connection = connection;
    read_on(connection);
    send_back(connection, "hello", 5);
}

static int is_client(cothread_handle connection) {
    return connection == clients[0].connection || connection == clients[1].connection;
}

/* serve deals with one entry; false: a connection ended. */
static int serve(const cothread_ready *ready) {
    cothread_handle connection = (cothread_handle)ready->token;
    if (ready->token < 2 && ready->reason < 0)
        die(ready->events ? strerror((int)ready->events) : "connect");
    switch (ready->reason) {
    case 0:
        connected(ready);
        return 1;
    case COTHREAD_ACCEPTED:
        read_on(ready->value);
        return 1;
    case COTHREAD_DATA:
        if (is_client(connection)) {
            printf("%.*s\n", (int)ready->events, ring->input + ready->value);
            close_after_all(connection);
            return 0;
        }
        send_back(connection, ring->input + ready->value, ready->events);
        return 1;
    case COTHREAD_WRITTEN: /* the peer reads too slowly: read nothing from it until it has */
        if (ready->value)
            ask((cothread_request){.task = connection, .operation = COTHREAD_PAUSE,
                                   .object = connection});
        else
            read_on(connection);
        return 1;
    case COTHREAD_END:
        close_after_all(connection);
        return 0;
    default:
        fprintf(stderr, "connection %lld: %s (%s)\n", (long long)connection,
                cothread_strerror(ready->reason),
                ready->events ? strerror((int)ready->events) : "-");
        ask((cothread_request){.task = connection, .operation = COTHREAD_CLOSE,
                               .object = connection, .deadline = COTHREAD_NOW});
        return 0;
    }
}

int main(void) {
    cothread_options options = {.size = sizeof options, .flags = COTHREAD_HOSTED};
    cothread_handle scheduler = cothread_create(&options);
    if (scheduler < 0 || !(ring = cothread_host_ring()))
        die("create");

    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    char port[8];
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    cothread_handle adopted = cothread_adopt(listener, 0);
    ask((cothread_request){
        .task = adopted, .operation = COTHREAD_ACCEPT, .object = adopted});

    snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
    connect_to(port, 0);
    connect_to(port, 1);

    for (int living = 4; living;) { /* each connection has two ends */
        int count = cothread_poll(); /* until ring->deadline: COTHREAD_FOREVER */
        if (count < 0)
            die("poll");
        out = 0;
        for (int i = 0; i < count; i++)
            living -= !serve((void *)((char *)ring->ready + (size_t)i * ring->ready_size));
    }
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
