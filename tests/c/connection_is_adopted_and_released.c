/* Nothing that was read is lost when a descriptor comes or goes; what it is decides its first state.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include <pty.h>

static char buffer[64];

static void *reads(void *connection) {
    expect(cothread_connection_read_exactly(*(cothread_handle *)connection, buffer, 3, NULL, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    return NULL;
}

static void with_what_was_read(void (*pair)(int fds[2])) {
    cothread_handle c, task;
    size_t buffered = 99;
    int fds[2];
    pair(fds);
    expect(send(fds[1], "two\nthree", 9, 0), 9);
    c = handle(cothread_connection_adopt(fds[0], "one\n", 4, NULL));
    expect(cothread_connection_read_until(c, "\n", 1, buffer, 10, COTHREAD_FOREVER), 4);
    expect(memcmp(buffer, "one\n", 4), 0);
    expect(cothread_connection_read_until(c, "\n", 1, buffer, 10, COTHREAD_FOREVER), 4);
    expect(memcmp(buffer, "two\n", 4), 0);
    expect(cothread_connection_adopt(fds[0], NULL, 0, NULL), COTHREAD_EEXIST);
    expect(cothread_connection_release(c, buffer, 4, &buffered), COTHREAD_EFULL);
    expect(buffered, 5);
    expect(cothread_connection_release(c, buffer, 5, &buffered), fds[0]);
    expect(memcmp(buffer, "three", 5), 0);
    expect(cothread_connection_state(c), COTHREAD_EHANDLE);
    c = handle(cothread_connection_adopt(fds[0], "x", 1, NULL)); /* and again */
    expect(cothread_connection_read_exactly(c, buffer, 1, NULL, COTHREAD_NOW), 0);
    task = spawn(reads, &c);
    expect(cothread_yield(), 0);
    expect(cothread_connection_release(c, NULL, 0, &buffered), fds[0]);
    expect(buffered, 0);
    join(task);
    expect(send(fds[0], "out", 3, 0), 3);
    expect(recv(fds[1], buffer, sizeof buffer, 0), 3);
    close(fds[0]);
    close(fds[1]);
}

static void pipes(void) {
    cothread_handle reader, writer;
    int fds[2];
    expect(pipe(fds), 0);
    reader = connection_of(fds[0]);
    writer = connection_of(fds[1]);
    expect(cothread_connection_state(reader), COTHREAD_STATE_OUTPUT_ENDED);
    expect(cothread_connection_state(writer), COTHREAD_STATE_INPUT_ENDED);
    expect(cothread_connection_write(reader, "x", 1, NULL, COTHREAD_NOW), COTHREAD_ESTATE);
    expect(cothread_connection_read(writer, buffer, 1, COTHREAD_NOW), 0);
    say(writer, "a line\n");
    expect(cothread_connection_unacknowledged(writer), 7);
    expect(cothread_connection_read_until(reader, "\n", 1, buffer, 10, COTHREAD_FOREVER), 7);
    expect(cothread_connection_unacknowledged(writer), 0);
    say(writer, "rest");
    expect(cothread_connection_close(writer, COTHREAD_FOREVER), 4);
    expect(cothread_connection_read(reader, buffer, sizeof buffer, COTHREAD_FOREVER), 4);
    expect(cothread_connection_read(reader, buffer, sizeof buffer, COTHREAD_FOREVER), 0);
    expect(cothread_connection_state(reader), COTHREAD_STATE_CLOSING);
    expect(cothread_connection_close(reader, COTHREAD_FOREVER), 0);

    expect(pipe(fds), 0); /* a reader that closes does not wait for the writer's end */
    reader = connection_of(fds[0]);
    expect(cothread_connection_close(reader, COTHREAD_FOREVER), 0);
    close(fds[1]);
}

static void terminals(void) {
    cothread_handle keyboard, program;
    int master, slave;
    if (openpty(&master, &slave, NULL, NULL, NULL) < 0)
        return; /* none here */
    keyboard = connection_of(master);
    program = connection_of(slave);
    expect(cothread_connection_state(program), COTHREAD_STATE_OPEN);
    say(keyboard, "typed\n");
    expect(cothread_connection_read_until(program, "\n", 1, buffer, sizeof buffer, COTHREAD_FOREVER), 6);
    say(program, "shown\n");
    expect(cothread_connection_read_until(keyboard, "shown", 5, buffer, sizeof buffer, COTHREAD_FOREVER), 12); /* behind the echo */
    expect(cothread_connection_close(program, COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(keyboard, COTHREAD_FOREVER), 0);
}

static void refused(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    expect(cothread_connection_adopt(-1, NULL, 0, NULL), COTHREAD_EBADF);
    expect(cothread_connection_adopt(fd, NULL, 0, NULL), COTHREAD_EINVAL);
    expect(strstr(cothread_last_error(), "connect") != NULL, 1);
    close(fd);
    fd = memfd_create("file", 0);
    expect(cothread_connection_adopt(fd, "x", 1, NULL), COTHREAD_EINVAL);
    close(fd);
    expect(cothread_connection_adopt(0, buffer, (16u << 20) + 1, NULL), COTHREAD_EINVAL);
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    with_what_was_read(unix_pair);
    with_what_was_read(tcp_pair);
    pipes();
    terminals();
    refused();
    expect(statistics(scheduler).connections, 0);
    expect(statistics(scheduler).adopted, 0);
    return nothing_left();
}
