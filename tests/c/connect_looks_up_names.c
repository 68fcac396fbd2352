/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static cothread_handle observed;

static void observe(cothread_handle connection, int from, int to, void *unused) {
    (void)unused;
    observed = connection;
    note("%d%d", from, to);
}

static const cothread_connection_options options = {.size = sizeof options, .observer = observe, .family = AF_INET};

/* Nobody listens there. */
static void *connects(void *got) {
    *(int64_t *)got = cothread_connect("localhost", "1", &options, COTHREAD_FOREVER);
    return NULL;
}

/* In the tick in which the look-up began; a thread may have found the name already, and then there is nothing to close. */
static void *closes(void *unused) {
    (void)cothread_close(observed);
    return unused;
}

int main(void) {
    cothread_handle listener, client, task, other;
    cothread_address address;
    cothread_connection_options limited = options;
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

    for (int64_t got = 0; got != COTHREAD_ECLOSED;) {
        task = spawn(connects, &got);
        other = spawn(closes, NULL);
        join(task);
        join(other);
        expect_order(got == COTHREAD_ECLOSED ? "01 17" : "01 12 28 87");
        expect(got == COTHREAD_ECLOSED || got == COTHREAD_ESYSTEM, 1);
    }
    expect(cothread_close(listener), 0);
    return nothing_left();
}
