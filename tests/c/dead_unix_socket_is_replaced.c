/* The file of a Unix socket that no process has any more does not keep the next program from listening there. One that
 * somebody has is left alone, and its owner does not notice; and so is what is no socket.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

#include <sys/stat.h>

static char path[64];

static int exists(void) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static int bound(int type) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    strcpy(un.sun_path, path);
    expect(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    return fd;
}

static void refused(void) {
    expect(cothread_listen_unix(path, NULL), COTHREAD_ESYSTEM);
    expect(errno, EADDRINUSE);
    expect(exists(), 1);
}

static void dead_one_is_replaced(int type, const cothread_connection_options *options) {
    cothread_handle listener;
    close(bound(type)); /* as if killed */
    listener = handle(cothread_listen_unix(path, options));
    expect(cothread_close(listener), 0);
    expect(exists(), 0);
}

static void living_one_is_left_alone(void) {
    int other = bound(SOCK_STREAM);
    refused(); /* it does not listen yet */
    expect(listen(other, 1), 0);
    refused();
    expect(accept(other, NULL, NULL), -1); /* nobody came to look */
    expect(errno, EAGAIN);
    close(other);
    unlink(path);

    other = bound(SOCK_DGRAM);
    refused();
    close(other);
    unlink(path);
}

static void what_is_no_socket_is_left_alone(void) {
    char target[80];
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    close(fd);
    refused();
    unlink(path);
    snprintf(target, sizeof target, "%s-dead", path); /* a link to a dead socket */
    expect(symlink(target, path), 0);
    refused();
    unlink(path);
}

/* The file goes with the last process that has the socket. */
static void file_of_a_shared_socket_stays(void) {
    cothread_handle listener = handle(cothread_listen_unix(path, NULL)), client;
    int heir = dup(cothread_connection_descriptor(listener)); /* as sent to another program, or inherited by it */
    expect(cothread_close(listener), 0);
    expect(exists(), 1);
    refused();
    client = handle(cothread_connect_unix(path, NULL, COTHREAD_NOW));
    expect(cothread_close(client), 0);
    listener = handle(cothread_connection_adopt(heir, NULL, 0, NULL));
    expect(cothread_close(listener), 0);
    expect(exists(), 1); /* it did not make it */
    expect(unlink(path), 0);
}

static void file_of_another_stays(void) {
    cothread_handle first = handle(cothread_listen_unix(path, NULL)), second;
    expect(unlink(path), 0);
    second = handle(cothread_listen_unix(path, NULL));
    expect(cothread_connection_close(first, COTHREAD_FOREVER), 0);
    expect(exists(), 1);
    expect(cothread_connection_close(second, COTHREAD_FOREVER), 0);
    expect(exists(), 0);
}

static void released_one_keeps_its_file(void) {
    cothread_handle listener = handle(cothread_listen_unix(path, NULL));
    size_t buffered;
    int fd = cothread_connection_release(listener, NULL, 0, &buffered);
    expect(fd >= 0, 1);
    close(fd);
    expect(exists(), 1);
    expect(unlink(path), 0);
}

int main(void) {
    cothread_connection_options datagrams = {.size = sizeof datagrams, .flags = COTHREAD_DATAGRAM};
    handle(cothread_create(NULL));
    snprintf(path, sizeof path, "/tmp/cothread-dead-%d", getpid());
    dead_one_is_replaced(SOCK_STREAM, NULL);
    dead_one_is_replaced(SOCK_STREAM, &datagrams);
    dead_one_is_replaced(SOCK_DGRAM, NULL);
    living_one_is_left_alone();
    what_is_no_socket_is_left_alone();
    file_of_a_shared_socket_stays();
    file_of_another_stays();
    released_one_keeps_its_file();
    return nothing_left();
}
