/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

enum { CLIENTS = 20 };
static struct sockaddr_in address;
static cothread_handle listener;

static void *serves(void *unused) {
    char buffer[64];
    int64_t n;
    int i;
    for (i = 0; i < CLIENTS; i++) {
        cothread_handle connection = handle(cothread_accept(listener, COTHREAD_FOREVER));
        expect(fcntl(cothread_descriptor(connection), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        while ((n = cothread_read(connection, buffer, sizeof buffer, COTHREAD_FOREVER)) > 0)
            expect(cothread_write(connection, buffer, (size_t)n, COTHREAD_FOREVER), n);
        expect(n, 0);
        expect(cothread_close(connection), 0);
    }
    expect(cothread_accept(listener, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_accept(listener, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    return unused;
}

static void *client(void *unused) {
    char buffer[16];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cothread_handle adopted;
    expect(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    adopted = handle(cothread_adopt(fd, 0));
    expect(cothread_write(adopted, "echo", 4, COTHREAD_FOREVER), 4);
    expect(shutdown(fd, SHUT_WR), 0);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 4);
    expect(memcmp(buffer, "echo", 4), 0);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 0);
    expect(cothread_close(adopted), 0);
    return unused;
}

int main(void) {
    socklen_t length = sizeof address;
    cothread_handle server, clients[CLIENTS];
    int i, fd = socket(AF_INET, SOCK_STREAM, 0);
    handle(cothread_create(NULL));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    expect(listen(fd, CLIENTS), 0);
    listener = handle(cothread_adopt(fd, 0));
    server = spawn(serves, NULL);
    for (i = 0; i < CLIENTS; i++)
        clients[i] = spawn(client, NULL);
    for (i = 0; i < CLIENTS; i++)
        join(clients[i]);
    join(server);
    expect(cothread_close(listener), 0);
    return nothing_left();
}
