/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static cothread_handle observed;

static void observe(cothread_handle connection, int from, int to, void *unused) {
    (void)unused;
    observed = connection;
    note("%d%d", from, to);
}

static const cothread_connection_options options = {.size = sizeof options, .observer = observe, .family = AF_INET};

static void *connects(void *wanted) {
    expect(cothread_connect("localhost", "1", &options, COTHREAD_FOREVER), *(int *)wanted);
    return NULL;
}

/* In the tick in which the look-up began: what a thread found comes at the earliest with the next. */
static void *closes(void *unused) {
    expect(cothread_close(observed), 0);
    return unused;
}

int main(void) {
    cothread_handle listener, client, task, other;
    cothread_address address;
    cothread_connection_options limited = options;
    int closed = COTHREAD_ECLOSED;
    char text[64];
    handle(cothread_create(NULL));
    listener = handle(cothread_listen("127.0.0.1", "0", NULL));
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    cothread_address_text(&address, text, sizeof text);
    client = handle(cothread_connect("localhost", strrchr(text, ':') + 1, &options, COTHREAD_FOREVER));
    expect_order("01 12 23");
    expect(cothread_close(handle(cothread_connection_accept(listener, COTHREAD_FOREVER))), 0);
    expect(cothread_close(client), 0);
    expect_order("37");

    expect(cothread_connect("no number", "1", &options, COTHREAD_FOREVER), COTHREAD_ENAME);
    expect(cothread_connect("localhost", "no service", &options, COTHREAD_FOREVER), COTHREAD_ENAME);
    expect_order("01 18 87 01 18 87");
    expect(cothread_connect("localhost", "1", &options, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    limited.limits[COTHREAD_STATE_RESOLVING] = 1;
    expect(cothread_connect("localhost", "1", &limited, COTHREAD_FOREVER), COTHREAD_ETIMEDOUT);
    expect_order("01 18 87 01 18 87");

    task = spawn(connects, &closed); /* closed while the name is looked up */
    other = spawn(closes, NULL);
    join(task);
    join(other);
    expect_order("01 17");
    expect(cothread_close(listener), 0);
    return nothing_left();
}
