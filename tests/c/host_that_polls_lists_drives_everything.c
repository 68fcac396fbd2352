/* SPDX-License-Identifier: Apache-2.0 */
#include "list_host.h"
#include <sys/socket.h>

static void *echo(void *fd) {
    char byte;
    int i;
    for (i = 0; i < 3; i++) {
        expect(cothread_wait_fd(*(int *)fd, COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE,
               COTHREAD_READABLE);
        expect(read(*(int *)fd, &byte, 1), 1);
        note("%c", byte);
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
        byte++;
        expect(write(*(int *)fd, &byte, 1), 1);
    }
    return NULL;
}

static void *client(void *fd) { /* on an adopted descriptor */
    cothread_handle adopted = handle(cothread_adopt(*(int *)fd, 0));
    char byte = 'a';
    int i;
    for (i = 0; i < 3; i++) {
        expect(cothread_write(adopted, &byte, 1, COTHREAD_FOREVER), 1);
        expect(cothread_read(adopted, &byte, 1, COTHREAD_FOREVER), 1);
    }
    expect(byte, 'd');
    expect(cothread_close(adopted), 0);
    return NULL;
}

static void callback(void *unused) {
    (void)unused;
    note("posted");
}

static void *posts(void *scheduler) {
    expect(cothread_post(*(cothread_handle *)scheduler, callback, NULL, COTHREAD_NOW), 0);
    return NULL;
}

int main(void) {
    int fds[2];
    cothread_handle a, b, scheduler = hosted(COTHREAD_HOST_POLLS);
    pthread_t thread;
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    a = spawn(echo, &fds[0]);
    b = spawn(client, &fds[1]);
    while (cothread_join(a, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        host_round();
    while (cothread_join(b, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        host_round();
    expect_order("a b c");
    expect(pthread_create(&thread, NULL, posts, &scheduler), 0);
    while (order_length == 0)
        host_round(); /* the first descriptor of the list ends its poll */
    expect_order("posted");
    expect(pthread_join(thread, NULL), 0);
    close(fds[0]);
    return nothing_left();
}
