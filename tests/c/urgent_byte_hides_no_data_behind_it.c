/* SPDX-License-Identifier: Apache-2.0
 * A read stops at the urgent byte's place. That is no end of the data, even if the byte was taken before the tick half
 * was told of it. */
#include <netinet/in.h>

#include "test.h"

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    char data[8] = "", urgent = 0;
    cothread_handle adopted;
    int listener = socket(AF_INET, SOCK_STREAM, 0), peer = socket(AF_INET, SOCK_STREAM, 0), accepted;

    handle(cothread_create(NULL));
    expect(bind(listener, (struct sockaddr *)&address, length), 0);
    expect(listen(listener, 1), 0);
    expect(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    expect(connect(peer, (struct sockaddr *)&address, length), 0);
    accepted = accept(listener, NULL, NULL);
    adopted = handle(cothread_adopt(accepted, 0));
    cothread_yield(); /* the first report: writable */
    expect(send(peer, "abc", 3, 0), 3);
    expect(send(peer, "!", 1, MSG_OOB), 1);
    expect(send(peer, "def", 3, 0), 3);
    while (recv(accepted, data, sizeof data, MSG_PEEK | MSG_DONTWAIT) < 3) {
        /* the loopback is not done yet */
    }
    expect(cothread_wait_ready(adopted, COTHREAD_PRIORITY, COTHREAD_FOREVER) & COTHREAD_PRIORITY, COTHREAD_PRIORITY);
    while (recv(accepted, &urgent, 1, MSG_OOB) != 1) {
    }
    expect(urgent, '!');
    cothread_yield(); /* epoll reports what there is now: no urgent byte */
    expect(cothread_read(adopted, data, sizeof data, COTHREAD_FOREVER), 3);
    expect(cothread_read(adopted, data, sizeof data, cothread_after(60 * COTHREAD_SECOND)), 3);
    expect(memcmp(data, "def", 3), 0);
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
