/* echo.c - a TCP server with a task per connection, and a hundred clients of it, all on one thread.
 * SPDX-License-Identifier: Apache-2.0
 *
 * cothread_read, write and accept look like their blocking namesakes. Each has a deadline: a peer
 * that says nothing for five seconds loses its connection.
 */
#include <arpa/inet.h>
#include <cothread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 100, MESSAGES = 10 };

static const cothread_task_options detached = {.size = sizeof detached,
                                               .flags = COTHREAD_DETACHED};

static int64_t soon(void) {
    return cothread_after(60 * COTHREAD_SECOND);
}

/* ---- The server ---- */

static void *serve(void *argument) {
    cothread_handle connection = (cothread_handle)(intptr_t)argument;
    char buffer[4096];
    int64_t n;
    while ((n = cothread_read(connection, buffer, sizeof buffer, soon())) > 0)
        if (cothread_write(connection, buffer, (size_t)n, soon()) != n)
            break;
    if (n < 0)
        fprintf(stderr, "echo: a connection ended: %s\n", cothread_last_error());
    cothread_close(connection);
    return NULL;
}

static void *listen_for_ever(void *argument) {
    cothread_handle listener = (cothread_handle)(intptr_t)argument, connection;
    while ((connection = cothread_accept(listener, COTHREAD_FOREVER)) >= 0)
        if (cothread_spawn(serve, (void *)(intptr_t)connection, &detached) < 0)
            cothread_close(connection);
    return NULL; /* COTHREAD_ECLOSED: main closed it */
}

/* ---- The clients ---- */

static struct sockaddr_in address;

static void *ask(void *number) {
    char message[64], answer[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    /* The connection goes to the backlog, so this does not block. */
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("echo: connect");
        return NULL;
    }
    cothread_handle connection = cothread_adopt(fd, 0);
    intptr_t right = 0;
    for (int i = 0; i < MESSAGES; i++) {
        int got = 0;
        int length = snprintf(message, sizeof message, "message %d of client %d", i,
                              (int)(intptr_t)number);
        if (cothread_write(connection, message, (size_t)length, soon()) != length)
            break;
        while (got < length) {
            int64_t n = cothread_read(connection, answer + got, (size_t)(length - got), soon());
            if (n <= 0)
                break;
            got += (int)n;
        }
        right += got == length && memcmp(message, answer, (size_t)length) == 0;
    }
    cothread_close(connection);
    return (void *)right;
}

int main(void) {
    cothread_handle scheduler = cothread_create(NULL), clients[CLIENTS];
    if (scheduler < 0) {
        fprintf(stderr, "echo: %s\n", cothread_last_error());
        return 1;
    }
    socklen_t size = sizeof address;
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, CLIENTS) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
        perror("echo");
        return 1;
    }
    cothread_handle listener = cothread_adopt(fd, 0);
    if (listener < 0 ||
        cothread_spawn(listen_for_ever, (void *)(intptr_t)listener, &detached) < 0) {
        fprintf(stderr, "echo: %s\n", cothread_last_error());
        return 1;
    }
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = cothread_spawn(ask, (void *)(intptr_t)i, NULL);

    intptr_t right = 0;
    for (int i = 0; i < CLIENTS; i++) {
        void *result = NULL;
        cothread_join(clients[i], &result, COTHREAD_FOREVER);
        right += (intptr_t)result;
    }
    cothread_close(listener);
    cothread_run(COTHREAD_FOREVER);
    printf("%d clients got %d of %d messages back\n", CLIENTS, (int)right, CLIENTS * MESSAGES);
    return cothread_destroy(scheduler, COTHREAD_NOW) != 0 || right != CLIENTS * MESSAGES;
}
