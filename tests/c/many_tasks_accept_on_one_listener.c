/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <arpa/inet.h>
#include <sys/socket.h>

enum { SERVERS = 4, CLIENTS = 40 };
static struct sockaddr_in address;
static cothread_handle listener;
static int served;

static void *serves(void *unused) {
    char byte;
    for (;;) {
        cothread_handle connection = cothread_accept(listener, COTHREAD_FOREVER);
        if (connection == COTHREAD_ECLOSED)
            return unused;
        handle(connection);
        expect(cothread_read(connection, &byte, 1, COTHREAD_FOREVER), 1);
        expect(cothread_write(connection, &byte, 1, COTHREAD_FOREVER), 1);
        expect(cothread_close(connection), 0);
        served++;
    }
}

static void *client(void *unused) {
    char byte = 'x';
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cothread_handle adopted;
    expect(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    adopted = handle(cothread_adopt(fd, 0));
    expect(cothread_yield(), 0);
    expect(cothread_write(adopted, &byte, 1, COTHREAD_FOREVER), 1);
    expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), 1);
    expect(cothread_close(adopted), 0);
    return unused;
}

int main(void) {
    socklen_t length = sizeof address;
    cothread_handle servers[SERVERS], clients[CLIENTS];
    int i, fd = socket(AF_INET, SOCK_STREAM, 0);
    handle(cothread_create(NULL));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    expect(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    expect(listen(fd, CLIENTS), 0);
    listener = handle(cothread_adopt(fd, 0));
    for (i = 0; i < SERVERS; i++)
        servers[i] = spawn(serves, NULL);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0); /* they wait, all four */
    for (i = 0; i < CLIENTS; i++)
        clients[i] = spawn(client, NULL);
    for (i = 0; i < CLIENTS; i++)
        join(clients[i]);
    expect(cothread_close(listener), 0);
    for (i = 0; i < SERVERS; i++)
        join(servers[i]);
    expect(served, CLIENTS);
    return nothing_left();
}
