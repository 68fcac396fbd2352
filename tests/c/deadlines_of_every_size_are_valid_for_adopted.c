/* SPDX-License-Identifier: Apache-2.0 */
#include "deadlines.h"

static cothread_handle adopted, listener;
static struct sockaddr address;
static socklen_t address_size;
static int pair[2];

static int64_t waits_ready(int64_t deadline) {
    char byte;
    int rc = cothread_wait_ready(adopted, COTHREAD_READABLE, deadline);
    if (rc > 0)
        expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), 1);
    return rc;
}

static int64_t reads(int64_t deadline) {
    char byte;
    return cothread_read(adopted, &byte, 1, deadline);
}

static void write_one(void) {
    expect(write(pair[1], "x", 1), 1);
}

static int64_t writes(int64_t deadline) {
    static char block[65536];
    while (send(pair[0], block, sizeof block, MSG_DONTWAIT) > 0)
        ; /* until there is room for nothing */
    return cothread_write(adopted, block, 1, deadline);
}

static void read_all(void) {
    static char block[65536];
    while (recv(pair[1], block, sizeof block, MSG_DONTWAIT) > 0)
        ;
}

static int64_t accepts(int64_t deadline) {
    cothread_handle accepted = cothread_accept(listener, deadline);
    return accepted > 0 ? cothread_close(accepted) : accepted;
}

static void connect_one(void) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    expect(connect(fd, &address, address_size), 0);
    close(fd);
}

static const row rows[] = {
    {"wait_ready", waits_ready, write_one, COTHREAD_READABLE},
    {"read", reads, write_one, 1},
    {"write", writes, read_all, 1},
    {"accept", accepts, connect_one, 0},
};

int main(void) {
    int fd;
    handle(cothread_create(NULL));
    adopted = adopted_pair(pair);
    address.sa_family = AF_UNIX;
    expect((fd = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0, 1);
    expect(bind(fd, &address, sizeof address.sa_family), 0); /* the kernel picks a name */
    address_size = sizeof address;
    expect(getsockname(fd, &address, &address_size), 0);
    expect(listen(fd, 8), 0);
    listener = handle(cothread_adopt(fd, 0));
    every_row(rows, sizeof rows / sizeof *rows);
    expect(cothread_close(adopted), 0);
    expect(cothread_close(listener), 0);
    close(pair[1]);
    return nothing_left();
}
