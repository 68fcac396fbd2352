/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <arpa/inet.h>
#include <sys/socket.h>

/* COTHREAD_NOW tries: a task that never suspends must see data, room and connections that came after it found none. */
static char block[1 << 20];

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fds[2], server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), i;
    char byte;
    cothread_handle adopted, listener;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    for (i = 0; i < 3; i++) {
        expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        expect(write(fds[1], "x", 1), 1);
        expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), 1);
    }
    while (cothread_write(adopted, block, sizeof block, COTHREAD_NOW) > 0)
        continue;
    while (recv(fds[1], block, sizeof block, MSG_DONTWAIT) > 0)
        continue;
    expect(cothread_write(adopted, "x", 1, COTHREAD_NOW), 1);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(bind(server, (struct sockaddr *)&address, sizeof address), 0);
    expect(getsockname(server, (struct sockaddr *)&address, &length), 0);
    expect(listen(server, 1), 0);
    listener = handle(cothread_adopt(server, 0));
    expect(cothread_accept(listener, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(connect(client, (struct sockaddr *)&address, length), 0);
    expect(cothread_close(handle(cothread_accept(listener, COTHREAD_NOW))), 0);

    close(client);
    close(fds[1]);
    expect(cothread_close(listener), 0);
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
