/* By number and by path: who listens, who connects, what it is called, what is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static char order_of[3];

static void observe(cothread_handle connection, int from, int to, void *argument) {
    (void)connection;
    expect(argument == order_of, 1);
    note("%d%d", from, to);
}

static void exchange(cothread_handle client, cothread_handle server) {
    char line[8];
    expect(fcntl(cothread_connection_descriptor(client), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    expect(fcntl(cothread_connection_descriptor(server), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    say(client, "hello\n");
    expect(cothread_connection_read_until(server, "\n", 1, line, sizeof line, COTHREAD_FOREVER), 6);
    say(server, "you\n");
    expect(cothread_connection_read_until(client, "\n", 1, line, sizeof line, COTHREAD_FOREVER), 4);
    expect(cothread_connection_finish(client, COTHREAD_FOREVER), 0);
    expect(cothread_connection_read(server, line, 1, COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(server, COTHREAD_FOREVER), 0);
    expect(cothread_connection_close(client, COTHREAD_FOREVER), 0);
}

static void by_number(const char *listens, const char *connects, const char *begins) {
    cothread_handle listener = cothread_listen(listens, "0", NULL), client, server, again;
    cothread_address address, peer;
    char text[128], port[8], other[128];
    if (listener == COTHREAD_ESYSTEM && listens && strchr(listens, ':'))
        return; /* no IPv6 here */
    handle(listener);
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    expect(cothread_address_text(&address, text, sizeof text) > 0, 1);
    expect(strncmp(text, begins, strlen(begins)), 0);
    strcpy(port, strrchr(text, ':') + 1);
    client = handle(cothread_connect(connects, port, NULL, COTHREAD_FOREVER));
    server = handle(cothread_connection_accept(listener, COTHREAD_FOREVER));
    expect(cothread_connection_address(server, COTHREAD_PEER, &peer), 0);
    expect(cothread_connection_address(client, COTHREAD_LOCAL, &address), 0);
    cothread_address_text(&peer, text, sizeof text);
    cothread_address_text(&address, other, sizeof other);
    expect(strcmp(strrchr(text, ':'), strrchr(other, ':')), 0);
    exchange(client, server);
    again = cothread_listen(listens, port, NULL);
    expect(again, COTHREAD_ESYSTEM);
    expect(errno, EADDRINUSE);
    expect(cothread_close(listener), 0);
    expect(cothread_connect(connects, port, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, ECONNREFUSED);
    listener = handle(cothread_listen(listens, port, NULL)); /* though its last connections are not forgotten */
    expect(cothread_close(listener), 0);
}

static void by_path(const char *path) {
    cothread_connection_options options = {.size = sizeof options, .observer = observe, .argument = order_of};
    cothread_handle listener = handle(cothread_listen_unix(path, NULL)), client, server;
    cothread_address address;
    char text[128];
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    expect(cothread_address_text(&address, text, sizeof text), strlen(path));
    expect(strcmp(text, path), 0);
    expect(cothread_address_text(&address, text, 4), strlen(path));
    expect(strlen(text), 3);
    client = handle(cothread_connect_unix(path, &options, COTHREAD_FOREVER));
    expect_order("02 23");
    server = handle(cothread_connection_accept(listener, COTHREAD_FOREVER));
    exchange(client, server);
    expect_order("35 56 67");
    expect(cothread_close(listener), 0);
    expect(cothread_connect_unix(path, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, path[0] == '@' ? ECONNREFUSED : ENOENT);
}

/* What is accepted has the observer and the limits of its listener. */
static void accepted_is_observed(void) {
    cothread_connection_options options = {.size = sizeof options, .observer = observe, .argument = order_of, .backlog = 3};
    cothread_handle listener, client, server;
    char port[8], text[64];
    cothread_address address;
    options.limits[COTHREAD_STATE_OPEN] = COTHREAD_MILLISECOND;
    options.limits[COTHREAD_STATE_LISTENING] = COTHREAD_MILLISECOND * 5;
    listener = handle(cothread_listen(NULL, "0", &options));
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    cothread_address_text(&address, text, sizeof text);
    strcpy(port, strrchr(text, ':') + 1);
    client = handle(cothread_connect("127.0.0.1", port, NULL, COTHREAD_FOREVER));
    server = handle(cothread_connection_accept(listener, COTHREAD_FOREVER));
    expect(cothread_connection_read(server, text, 1, COTHREAD_FOREVER), COTHREAD_ETIMEDOUT);
    expect(cothread_connection_accept(listener, COTHREAD_FOREVER), COTHREAD_ETIMEDOUT);
    expect(cothread_connection_accept(listener, COTHREAD_FOREVER), COTHREAD_ESTATE);
    expect(cothread_close(server), 0);
    expect(cothread_close(client), 0);
    expect(cothread_close(listener), 0);
    expect_order("09 03 38 98 87 87");
}

/* Whoever is told of a connection may be done with its listener. */
static cothread_handle once;
static void close_listener(cothread_handle connection, int from, int to, void *unused) {
    (void)unused;
    if (connection != once && from == 0 && to == COTHREAD_STATE_OPEN)
        expect(cothread_close(once), 0);
}

static void observer_closes_the_listener(void) {
    cothread_connection_options options = {.size = sizeof options, .observer = close_listener};
    cothread_handle client, server;
    cothread_address address;
    once = handle(cothread_listen("127.0.0.1", "0", &options));
    expect(cothread_connection_address(once, COTHREAD_LOCAL, &address), 0);
    client = handle(cothread_connect_addresses(&address, 1, NULL, COTHREAD_FOREVER));
    server = handle(cothread_connection_accept(once, COTHREAD_FOREVER));
    expect(cothread_connection_state(once), COTHREAD_EHANDLE);
    exchange(client, server);
}

static void *accepts(void *listener) {
    expect(cothread_connection_accept(*(cothread_handle *)listener, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    return NULL;
}

static void close_tells_who_accepts(void) {
    cothread_handle listener = handle(cothread_listen("127.0.0.1", "0", NULL)), tasks[2];
    tasks[0] = spawn(accepts, &listener);
    tasks[1] = spawn(accepts, &listener);
    expect(cothread_connection_accept(listener, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(cothread_connection_close(listener, COTHREAD_FOREVER), 0);
    join(tasks[0]);
    join(tasks[1]);
}

/* The backlog of a Unix socket is full at first; the connection is made when there is room. */
static int listening;
static void *makes_room(void *unused) {
    int i;
    expect(cothread_sleep(5 * COTHREAD_MILLISECOND), 0);
    for (i = 0; i < 2; i++)
        close(accept(listening, NULL, NULL));
    return unused;
}

static void full_backlog(const char *path) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    cothread_handle client, task;
    int i, clients[2];
    strcpy(un.sun_path, path);
    listening = socket(AF_UNIX, SOCK_STREAM, 0);
    expect(bind(listening, (struct sockaddr *)&un, sizeof un), 0);
    expect(listen(listening, 1), 0);
    for (i = 0; i < 2; i++) {
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        expect(connect(clients[i], (struct sockaddr *)&un, sizeof un), 0);
    }
    expect(cothread_connect_unix(path, NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_connect_unix(path, NULL, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    task = spawn(makes_room, NULL);
    client = handle(cothread_connect_unix(path, NULL, COTHREAD_FOREVER));
    join(task);
    expect(cothread_close(client), 0);
    for (i = 0; i < 2; i++)
        close(clients[i]);
    close(listening);
    expect(unlink(path), 0);
}

static void bad_input(void) {
    cothread_connection_options options = {.size = sizeof options, .flags = 8};
    char path[200];
    memset(path, 'p', sizeof path);
    path[108] = 0;
    expect(cothread_connect("127.0.0.1", "1", &options, COTHREAD_NOW), COTHREAD_EINVAL);
    options = (cothread_connection_options){.size = sizeof options, .family = 77};
    expect(cothread_listen("127.0.0.1", "0", &options), COTHREAD_EINVAL);
    options = (cothread_connection_options){.size = sizeof options, .backlog = -1};
    expect(cothread_listen("127.0.0.1", "0", &options), COTHREAD_EINVAL);
    options = (cothread_connection_options){.size = sizeof options, .limits = {0, -1}};
    expect(cothread_listen("127.0.0.1", "0", &options), COTHREAD_EINVAL);
    options = (cothread_connection_options){.size = 4};
    expect(cothread_listen("127.0.0.1", "0", &options), COTHREAD_EINVAL);
    expect(cothread_connect_unix("", NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connect_unix(path, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_listen_unix(path, NULL), COTHREAD_EINVAL);
    expect(cothread_listen("no number", "0", NULL), COTHREAD_ENAME);
    expect(cothread_listen("127.0.0.1", "no number", NULL), COTHREAD_ENAME);
    expect(cothread_listen("192.0.2.1", "0", NULL), COTHREAD_ESYSTEM); /* not ours */
    expect(errno, EADDRNOTAVAIL);
    expect(cothread_address_text(&(cothread_address){.family = 99}, path, sizeof path), COTHREAD_EINVAL);
}

int main(void) {
    char path[64], abstract[64];
    handle(cothread_create(NULL));
    snprintf(path, sizeof path, "/tmp/cothread-%d", getpid());
    snprintf(abstract, sizeof abstract, "@cothread-%d", getpid());
    by_number("127.0.0.1", "127.0.0.1", "127.0.0.1:");
    by_number("::1", "::1", "[::1]:");
    by_number(NULL, "127.0.0.1", "");
    by_path(path);
    by_path(abstract);
    accepted_is_observed();
    close_tells_who_accepts();
    observer_closes_the_listener();
    full_backlog(path);
    bad_input();
    return nothing_left();
}
