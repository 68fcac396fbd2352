/* A host that pays for each foreign call lets the library read and write: a server that sends back
 * what it gets, one call a turn however many connections have something.
 * SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <cothread.h>
#include <errno.h>
#include <pthread.h>
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

/* serve deals with one entry; false: a connection ended. */
static int serve(const cothread_ready *ready) {
    cothread_handle connection = (cothread_handle)ready->token;
    switch (ready->reason) {
    case COTHREAD_ACCEPTED:
        read_on(ready->value);
        return 1;
    case COTHREAD_DATA:
        send_back(connection, ring->input + ready->value, ready->events);
        return 1;
    case COTHREAD_WRITTEN: /* the peer reads too slowly: read nothing from it until it has */
        if (ready->value)
            ask((cothread_request){.task = connection, .operation = COTHREAD_PAUSE,
                                   .object = connection});
        else
            read_on(connection);
        return 1;
    case COTHREAD_END: /* what is unsent is sent before it closes */
        ask((cothread_request){.task = connection, .operation = COTHREAD_CLOSE,
                               .object = connection, .deadline = COTHREAD_FOREVER});
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

static struct sockaddr_in address = {.sin_family = AF_INET};

static void *client(void *greeting) {
    char answer[64] = "";
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        write(fd, greeting, strlen(greeting)) < 0 || read(fd, answer, sizeof answer - 1) < 0)
        perror("client");
    printf("%s\n", answer);
    close(fd);
    return NULL;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .flags = COTHREAD_HOSTED};
    cothread_handle scheduler = cothread_create(&options);
    if (scheduler < 0 || !(ring = cothread_host_ring()))
        die("create");

    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    cothread_handle adopted = cothread_adopt(listener, 0);
    ask((cothread_request){
        .task = adopted, .operation = COTHREAD_ACCEPT, .object = adopted});

    pthread_t threads[2];
    pthread_create(&threads[0], NULL, client, "hello");
    pthread_create(&threads[1], NULL, client, "hello");

    for (int living = 2; living;) {
        int count = cothread_poll(); /* until ring->deadline: COTHREAD_FOREVER */
        if (count < 0)
            die("poll");
        out = 0;
        for (int i = 0; i < count; i++)
            living -= !serve((void *)((char *)ring->ready + (size_t)i * ring->ready_size));
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
