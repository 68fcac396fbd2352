/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static char buffer[64];

static cothread_message message(const char *text, cothread_address *to) {
    cothread_message m = {.size = sizeof m, .data = (void *)text, .length = strlen(text), .address = to};
    return m;
}

static cothread_message room(cothread_address *from) {
    cothread_message m = {.size = sizeof m, .data = buffer, .length = sizeof buffer, .address = from};
    memset(buffer, 0, sizeof buffer);
    return m;
}

static cothread_handle receives_late(cothread_handle c, const char *wanted) {
    cothread_message m = room(NULL);
    expect(cothread_connection_receive(c, &m, COTHREAD_FOREVER), strlen(wanted));
    expect(strcmp(buffer, wanted), 0);
    return c;
}

static cothread_handle sends_late;
static void *sends(void *unused) {
    cothread_message m = message("late", NULL);
    expect(cothread_connection_send(sends_late, &m, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void by_number(void) {
    cothread_connection_options options = {.size = sizeof options, .flags = COTHREAD_DATAGRAM};
    cothread_handle server = handle(cothread_listen("127.0.0.1", "0", &options)), client, task;
    cothread_address address, from;
    cothread_message m;
    char text[64];
    size_t written;
    expect(cothread_connection_state(server), COTHREAD_STATE_OPEN);
    expect(cothread_connection_address(server, COTHREAD_LOCAL, &address), 0);
    expect(address.type, SOCK_DGRAM);
    cothread_address_text(&address, text, sizeof text);
    client = handle(cothread_connect("127.0.0.1", strrchr(text, ':') + 1, &options, COTHREAD_NOW));
    m = message("question", NULL);
    expect(cothread_connection_send(client, &m, &written, COTHREAD_NOW), 0);
    expect(written, 8);
    m = room(&from);
    expect(cothread_connection_receive(server, &m, COTHREAD_FOREVER), 8);
    expect(strcmp(buffer, "question"), 0);
    m = message("answer", &from);
    expect(cothread_connection_send(server, &m, NULL, COTHREAD_NOW), 0);
    m = room(NULL);
    m.length = 3; /* too little room: the length tells */
    expect(cothread_connection_receive(client, &m, COTHREAD_FOREVER), 6);
    expect(memcmp(buffer, "ans\0", 4), 0);
    m = message("", &from); /* an empty one is one too */
    expect(cothread_connection_send(server, &m, NULL, COTHREAD_NOW), 0);
    m = room(&address);
    expect(cothread_connection_receive(client, &m, COTHREAD_FOREVER), 0);
    expect(address.length > 0, 1);
    sends_late = client;
    task = spawn(sends, NULL);
    receives_late(server, "late");
    join(task);
    m = room(NULL);
    expect(cothread_connection_receive(server, &m, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);

    /* What is for streams does not fit, and the other way round. */
    expect(cothread_connection_read(server, buffer, 1, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_write(client, buffer, 1, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_finish(client, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connection_read_until(client, "x", 1, buffer, 1, COTHREAD_NOW), COTHREAD_EINVAL);

    /* Nobody is there any more: that is told once, and fails nothing. */
    expect(cothread_connection_close(server, COTHREAD_FOREVER), 0);
    m = message("anybody?", NULL);
    expect(cothread_connection_send(client, &m, NULL, COTHREAD_NOW), 0);
    m = room(NULL);
    expect(cothread_connection_receive(client, &m, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, ECONNREFUSED);
    expect(cothread_connection_state(client), COTHREAD_STATE_OPEN);
    m = (cothread_message){.size = sizeof m, .data = calloc(1, 70000), .length = 70000};
    expect(cothread_connection_send(client, &m, &written, COTHREAD_NOW), COTHREAD_ESYSTEM);
    expect(errno, EMSGSIZE);
    expect(written, 0);
    free(m.data);
    expect(cothread_close(client), 0);
}

static void by_path(void) {
    cothread_connection_options options = {.size = sizeof options, .flags = COTHREAD_DATAGRAM};
    char name[2][64];
    cothread_handle ends[2];
    cothread_address address, from;
    cothread_message m;
    int i;
    for (i = 0; i < 2; i++) {
        snprintf(name[i], sizeof name[i], "@cothread-datagrams-%d-%d", getpid(), i);
        ends[i] = handle(cothread_listen_unix(name[i], &options));
    }
    expect(cothread_connection_address(ends[1], COTHREAD_LOCAL, &address), 0);
    m = message("hello", &address);
    expect(cothread_connection_send(ends[0], &m, NULL, COTHREAD_NOW), 0);
    m = room(&from);
    expect(cothread_connection_receive(ends[1], &m, COTHREAD_FOREVER), 5);
    expect(cothread_address_text(&from, buffer, sizeof buffer), strlen(name[0]));
    expect(strcmp(buffer, name[0]), 0);
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);
}

static void passes_descriptors(void) {
    cothread_handle ends[2];
    cothread_message m;
    int32_t sent[3], got[253];
    int pipe_fds[2], i, n;
    size_t written;
    char byte;
    connected(unix_pair, ends);
    expect(pipe(pipe_fds), 0);
    for (i = 0; i < 3; i++)
        sent[i] = pipe_fds[1];
    m = message("with three", NULL);
    m.descriptors = sent;
    m.descriptor_count = 3;
    expect(cothread_connection_send(ends[0], &m, &written, COTHREAD_FOREVER), 0);
    expect(written, 10);
    close(pipe_fds[1]);
    m = room(NULL);
    m.descriptors = got;
    m.descriptor_count = 2;
    expect(cothread_connection_receive(ends[1], &m, COTHREAD_FOREVER), 10);
    expect(m.descriptor_count, 3); /* the third had no room, and is closed */
    for (i = 0; i < 2; i++) {
        expect(fcntl(got[i], F_GETFD), FD_CLOEXEC);
        expect(write(got[i], "w", 1), 1);
        close(got[i]);
    }
    expect(read(pipe_fds[0], buffer, sizeof buffer), 2);
    expect(read(pipe_fds[0], &byte, 1), 0); /* nobody has a writing end any more */

    for (i = 0; i < 253; i++)
        sent[i % 3] = got[i] = pipe_fds[0];
    m = message("with all", NULL);
    m.descriptors = got;
    m.descriptor_count = 253;
    expect(cothread_connection_send(ends[0], &m, NULL, COTHREAD_FOREVER), 0);
    m = room(NULL);
    m.descriptors = got;
    m.descriptor_count = 253;
    expect(cothread_connection_receive(ends[1], &m, COTHREAD_FOREVER), 8);
    expect(m.descriptor_count, 253);
    for (i = 0; i < 253; i++)
        close(got[i]);

    m = message("x", NULL);
    m.descriptors = got; /* closed */
    m.descriptor_count = 1;
    expect(cothread_connection_send(ends[0], &m, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EBADF);
    expect(cothread_connection_state(ends[0]), COTHREAD_STATE_OPEN);
    m.descriptor_count = 254;
    expect(cothread_connection_send(ends[0], &m, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);

    /* What read_until left comes first. */
    say(ends[0], "a line\nand more");
    expect(cothread_connection_read_until(ends[1], "\n", 1, buffer, 10, COTHREAD_FOREVER), 7);
    m = room(NULL);
    expect(cothread_connection_receive(ends[1], &m, COTHREAD_FOREVER), 8);
    expect(strcmp(buffer, "and more"), 0);
    expect(cothread_connection_finish(ends[0], COTHREAD_FOREVER), 0);
    m = room(NULL);
    expect(cothread_connection_receive(ends[1], &m, COTHREAD_FOREVER), 0);
    n = cothread_connection_state(ends[1]);
    expect(n, COTHREAD_STATE_INPUT_ENDED);
    close(pipe_fds[0]);
    expect(cothread_connection_close(ends[1], COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(ends[0], COTHREAD_FOREVER), 0);
}

int main(void) {
    handle(cothread_create(NULL));
    by_number();
    by_path();
    passes_descriptors();
    return nothing_left();
}
