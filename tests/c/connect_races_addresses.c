/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

enum { STAGGER = 250 };
static cothread_handle listener, observed;

static void observe(cothread_handle connection, int from, int to, void *unused) {
    (void)unused;
    observed = connection;
    note("%d%d", from, to);
}

static const cothread_connection_options options = {.size = sizeof options, .observer = observe};

static cothread_address address_of(int fd) {
    cothread_address address = {.family = AF_INET, .length = sizeof address.address};
    expect(getsockname(fd, (struct sockaddr *)address.address, &address.length), 0);
    address.family = ((struct sockaddr *)address.address)->sa_family;
    return address;
}

/* One that nobody answers at: its backlog is full, so what comes is dropped. */
static cothread_address silent(int fds[3]) {
    cothread_address address;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int i;
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    expect(bind(fds[0], (struct sockaddr *)&any, sizeof any), 0);
    expect(listen(fds[0], 0), 0);
    address = address_of(fds[0]);
    for (i = 1; i < 3; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)address.address, address.length);
    }
    return address;
}

/* One that refuses: it was bound, but nobody listens. */
static cothread_address refusing(int family, int *fd) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    *fd = socket(family, SOCK_STREAM, 0);
    expect(bind(*fd, family == AF_INET ? (struct sockaddr *)&in : (struct sockaddr *)&in6, family == AF_INET ? sizeof in : sizeof in6), 0);
    return address_of(*fd);
}

static cothread_address answering(void) {
    cothread_address address;
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    return address;
}

static void accepted(cothread_handle connection) {
    cothread_handle other = handle(cothread_connection_accept(listener, COTHREAD_FOREVER));
    char byte;
    say(connection, "x");
    expect(cothread_connection_read(other, &byte, 1, COTHREAD_FOREVER), 1);
    expect(cothread_close(connection), 0);
    expect(cothread_connection_close(other, COTHREAD_FOREVER), 0);
}

static void next_begins_when_one_is_silent(void) {
    int fds[3], i;
    cothread_address addresses[2] = {silent(fds), answering()};
    int64_t began = cothread_now();
    accepted(handle(cothread_connect_addresses(addresses, 2, &options, COTHREAD_FOREVER)));
    expect(cothread_now() - began >= STAGGER * COTHREAD_MILLISECOND, 1);
    expect_order("02 23 37");
    for (i = 0; i < 3; i++)
        close(fds[i]);
}

static void next_begins_when_one_fails(void) {
    cothread_address addresses[20];
    int fds[19], i;
    for (i = 0; i < 19; i++)
        addresses[i] = refusing(AF_INET, &fds[i]);
    addresses[19] = answering();
    accepted(handle(cothread_connect_addresses(addresses, 20, &options, cothread_after(60 * COTHREAD_SECOND))));
    expect_order("02 23 37");
    expect(cothread_connect_addresses(addresses, 19, &options, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, ECONNREFUSED);
    expect(strstr(cothread_last_error(), "111") != NULL, 1);
    expect_order("02 28 87");
    for (i = 0; i < 19; i++)
        close(fds[i]);
}

/* Of 4 4 4 6 the second to be tried is the last: it answers while the first is silent, and no other was tried. */
static void families_take_turns(void) {
    int fds[3][3], i, j;
    cothread_handle six = cothread_listen("::1", "0", NULL), other;
    cothread_address addresses[4];
    if (six == COTHREAD_ESYSTEM)
        return; /* no IPv6 here */
    for (i = 0; i < 3; i++)
        addresses[i] = silent(fds[i]);
    expect(cothread_connection_address(six, COTHREAD_LOCAL, &addresses[3]), 0);
    int64_t began = cothread_now();
    cothread_handle connection = handle(cothread_connect_addresses(addresses, 4, NULL, COTHREAD_FOREVER));
    expect(cothread_now() - began < 3 * STAGGER * COTHREAD_MILLISECOND || SANITIZED, 1); /* of 4 4 4 6 in order it would be the fourth */
    other = handle(cothread_connection_accept(six, COTHREAD_FOREVER));
    expect(cothread_close(connection), 0);
    expect(cothread_close(other), 0);
    expect(cothread_close(six), 0);
    for (i = 0; i < 3; i++)
        for (j = 0; j < 3; j++)
            close(fds[i][j]);
}

/* ---- Ends before there is an answer ---- */

static cothread_address nobody;

static void *connects(void *wanted) {
    expect(cothread_connect_addresses(&nobody, 1, &options, COTHREAD_FOREVER), *(int *)wanted);
    return NULL;
}

static void waits_end(void) {
    int fds[3], i, closed = COTHREAD_ECLOSED, cancelled = COTHREAD_ECANCELED, late = COTHREAD_ETIMEDOUT;
    cothread_connection_options limited = options;
    cothread_handle task;
    nobody = silent(fds);
    expect(cothread_connect_addresses(&nobody, 1, &options, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_connect_addresses(&nobody, 1, &options, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect_order("02 28 87 02 28 87");
    limited.limits[COTHREAD_STATE_CONNECTING] = COTHREAD_MILLISECOND;
    expect(cothread_connect_addresses(&nobody, 1, &limited, COTHREAD_FOREVER), COTHREAD_ETIMEDOUT);
    expect_order("02 28 87");
    task = spawn(connects, &closed);
    expect(cothread_yield(), 0);
    expect(cothread_connection_state(observed), COTHREAD_STATE_CONNECTING);
    expect(cothread_close(observed), 0);
    join(task);
    expect_order("02 27");
    task = spawn(connects, &cancelled);
    expect(cothread_yield(), 0);
    expect(cothread_cancel(task), 0);
    join(task);
    expect_order("02 28 87");
    task = spawn(connects, &late);
    expect(cothread_yield(), 0);
    expect(cothread_connection_limit(observed, COTHREAD_STATE_CONNECTING, COTHREAD_MILLISECOND), 0);
    join(task);
    expect_order("02 28 87");
    for (i = 0; i < 3; i++)
        close(fds[i]);
}

int main(void) {
    cothread_address none;
    handle(cothread_create(NULL));
    listener = handle(cothread_listen("127.0.0.1", "0", NULL));
    next_begins_when_one_is_silent();
    next_begins_when_one_fails();
    families_take_turns();
    waits_end();
    memset(&none, 0, sizeof none);
    expect(cothread_connect_addresses(&none, 0, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(cothread_connect_addresses(&none, 1025, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    none.length = 129;
    expect(cothread_connect_addresses(&none, 1, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    none.length = 0;
    none.family = 12345;
    expect(cothread_connect_addresses(&none, 1, NULL, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
    expect(errno, EAFNOSUPPORT);
    expect(cothread_close(listener), 0);
    return nothing_left();
}
