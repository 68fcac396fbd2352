/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/socket.h>

/* A local socket ends a read where descriptors were passed: fewer bytes than asked for, and more behind them. */
static cothread_handle adopted;

static void *reader(void *unused) {
    char buffer[64];
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 1);
    expect(buffer[0], 'x');
    expect(cothread_read(adopted, buffer, sizeof buffer, cothread_after(60 * COTHREAD_SECOND)), 4);
    expect(memcmp(buffer, "more", 4), 0);
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    return unused;
}

static void pass(int socket, int fd) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {{0}};
    struct iovec text = {"x", 1};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    expect(sendmsg(socket, &message, 0), 1);
}

int main(void) {
    int fds[2];
    cothread_handle task;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    task = spawn(reader, NULL);
    expect(cothread_yield(), 0);
    pass(fds[1], fds[1]);
    expect(write(fds[1], "more", 4), 4);
    join(task);
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    return nothing_left();
}
