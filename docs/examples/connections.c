/* A server that answers lines, and a client of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <stdio.h>
#include <string.h>

static const cothread_task_options detached = {sizeof detached, COTHREAD_DETACHED, 0, 0, "client"};

static void *serves(void *argument) {
    cothread_handle client = (cothread_handle)(intptr_t)argument;
    char line[256];
    int64_t n;
    while ((n = cothread_connection_read_until(client, "\n", 1, line, sizeof line,
                                               cothread_after(30 * COTHREAD_SECOND))) > 0)
        if (cothread_connection_write(client, line, (size_t)n, NULL,
                                      cothread_after(5 * COTHREAD_SECOND)) < 0)
            break;
    cothread_connection_close(client, COTHREAD_FOREVER); /* at most 2 s */
    return NULL;
}

static void *listens(void *listener) {
    cothread_handle client;
    for (;;) {
        client = cothread_connection_accept(*(cothread_handle *)listener, COTHREAD_FOREVER);
        if (client < 0)
            return NULL;
        if (cothread_spawn(serves, (void *)(intptr_t)client, &detached) < 0)
            cothread_close(client);
    }
}

int main(void) {
    int64_t deadline = cothread_after(20 * COTHREAD_SECOND);
    cothread_handle scheduler = cothread_create(NULL);
    cothread_handle listener = cothread_listen("127.0.0.1", "0", NULL), server, client;
    cothread_address address;
    char text[128], line[256];
    if (listener < 0 || cothread_connection_address(listener, COTHREAD_LOCAL, &address) < 0) {
        fprintf(stderr, "%s\n", cothread_last_error());
        return 1;
    }
    server = cothread_spawn(listens, &listener, NULL);
    cothread_address_text(&address, text, sizeof text);

    client = cothread_connect("127.0.0.1", strrchr(text, ':') + 1, NULL, deadline);
    if (client < 0 || cothread_connection_write(client, "hello\n", 6, NULL, deadline) < 0 ||
        cothread_connection_read_until(client, "\n", 1, line, sizeof line, deadline) != 6) {
        fprintf(stderr, "%s\n", cothread_last_error());
        return 1;
    }
    printf("the server says %.5s\n", line);
    cothread_connection_close(client, COTHREAD_FOREVER);
    cothread_close(listener);
    cothread_join(server, NULL, COTHREAD_FOREVER);
    cothread_run(COTHREAD_FOREVER); /* the server's other end */
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
