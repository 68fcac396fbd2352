/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>

/* Many tasks wait for one listening socket by number, and connections come one by one: each wakes
 * one task. */
enum { TASKS = 200, CONNECTIONS = 20 };
static int listener, woken, served;

static void *acceptor(void *unused) {
    while (cothread_wait_fd(listener, COTHREAD_READABLE, COTHREAD_FOREVER) == COTHREAD_READABLE) {
        int connection = accept(listener, NULL, NULL);
        woken++;
        if (connection >= 0) {
            served++;
            close(connection);
        }
    }
    return unused;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    cothread_handle tasks[TASKS];
    int i;
    handle(cothread_create(NULL));
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    expect(bind(listener, (struct sockaddr *)&address, length), 0);
    expect(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    expect(listen(listener, CONNECTIONS), 0);
    for (i = 0; i < TASKS; i++)
        tasks[i] = spawn(acceptor, NULL);
    expect(cothread_yield(), 0);
    for (i = 0; i < CONNECTIONS; i++) {
        int connection = socket(AF_INET, SOCK_STREAM, 0);
        expect(connect(connection, (struct sockaddr *)&address, length), 0);
        while (served <= i)
            expect(cothread_sleep_until(cothread_after(COTHREAD_MICROSECOND)), 0);
        close(connection);
    }
    expect(woken, CONNECTIONS);
    expect(cothread_wake_fd(listener), TASKS);
    for (i = 0; i < TASKS; i++)
        join(tasks[i]);
    close(listener);
    return nothing_left();
}
