/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

static int fds[2];

static void *reader(void *name) {
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER) & COTHREAD_READABLE, COTHREAD_READABLE);
    note("%s", (char *)name);
    return NULL;
}

static void *writer(void *unused) {
    expect(cothread_wait_fd(fds[0], COTHREAD_WRITABLE, COTHREAD_FOREVER), COTHREAD_WRITABLE);
    note("writer");
    return unused;
}

int main(void) {
    static const char *const names[] = {"a", "b", "c"};
    cothread_handle tasks[3], other;
    int i;
    handle(cothread_create(NULL));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (i = 0; i < 3; i++)
        tasks[i] = spawn(reader, (void *)names[i]);
    expect(cothread_yield(), 0);
    other = spawn(writer, NULL);
    join(other);
    expect_order("writer"); /* the readers wait for something else */
    expect(write(fds[1], "x", 1), 1);
    for (i = 0; i < 3; i++)
        join(tasks[i]);
    expect_order("a b c"); /* nobody read: what is left is reported to the next */
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
