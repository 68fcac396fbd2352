/* cothread_wait for connections: what is buffered counts, and ends, limits and closes are told.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static cothread_handle ends[2], listener;
static char buffer[64];

static cothread_item item_of(cothread_handle connection, uint32_t want) {
    return (cothread_item){.kind = COTHREAD_ITEM_CONNECTION, .want = want, .object = connection};
}

static int look(cothread_handle connection, uint32_t want) {
    cothread_item item = item_of(connection, want);
    int rc = cothread_wait(&item, sizeof item, 1, COTHREAD_NOW, 0);
    return rc == 1 ? item.result : rc;
}

static void *waits(void *unused) {
    cothread_item items[2] = {item_of(ends[0], COTHREAD_READABLE), item_of(listener, COTHREAD_READABLE)};
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 1);
    note("%d:%d", items[0].fired ? 0 : 1, items[0].result + items[1].result);
    return unused;
}

static void *reads_a_line(void *unused) {
    expect(cothread_connection_read_until(ends[0], "\n", 1, buffer, 10, COTHREAD_FOREVER), 2);
    return unused;
}

static cothread_handle waiting(void) {
    cothread_handle task = spawn(waits, NULL);
    expect(cothread_yield(), 0);
    return task;
}

int main(void) {
    cothread_handle task, reader, client;
    cothread_address address;
    cothread_item item;
    handle(cothread_create(NULL));
    listener = handle(cothread_listen("127.0.0.1", "0", NULL));
    connected(tcp_pair, ends);
    expect(look(ends[0], COTHREAD_READABLE), COTHREAD_ETIMEDOUT);
    expect(look(ends[0], COTHREAD_READABLE | COTHREAD_WRITABLE), COTHREAD_WRITABLE);
    expect(look(ends[0], COTHREAD_PRIORITY), COTHREAD_EINVAL);
    expect(look(ends[0], 0), COTHREAD_EINVAL);

    task = waiting(); /* data */
    say(ends[1], "ab");
    join(task);
    expect_order("0:1");
    expect(cothread_connection_read_until(ends[0], "a", 1, buffer, 10, COTHREAD_FOREVER), 1);
    expect(look(ends[0], COTHREAD_READABLE), COTHREAD_READABLE); /* "b" is buffered */
    expect(cothread_connection_read(ends[0], buffer, 10, COTHREAD_FOREVER), 1);
    expect(look(ends[0], COTHREAD_READABLE), COTHREAD_ETIMEDOUT);

    reader = spawn(reads_a_line, NULL); /* what another task leaves in the buffer */
    task = waiting();
    say(ends[1], "x\nleft");
    join(reader);
    join(task);
    expect_order("0:1");
    expect(look(ends[0], COTHREAD_READABLE), COTHREAD_READABLE);
    expect(cothread_connection_read(ends[0], buffer, 10, COTHREAD_FOREVER), 4);

    task = waiting(); /* a connection to accept */
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    client = handle(cothread_connect_addresses(&address, 1, NULL, COTHREAD_FOREVER));
    join(task);
    expect_order("1:1");
    expect(cothread_close(handle(cothread_connection_accept(listener, COTHREAD_NOW))), 0);
    expect(cothread_close(client), 0);

    task = waiting(); /* a limit that begins meanwhile */
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_OPEN, COTHREAD_MILLISECOND), 0);
    join(task);
    expect_order("0:8");
    expect(look(ends[0], COTHREAD_READABLE), COTHREAD_ERROR);
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);

    connected(unix_pair, ends); /* the peer's end */
    task = waiting();
    expect(cothread_connection_finish(ends[1], COTHREAD_FOREVER), 0);
    join(task);
    expect_order("0:1");
    expect(cothread_connection_read(ends[0], buffer, 10, COTHREAD_FOREVER), 0);
    expect(look(ends[0], COTHREAD_READABLE), COTHREAD_READABLE); /* a read returns at once */
    expect(cothread_close(ends[0]), 0);
    expect(cothread_close(ends[1]), 0);

    connected(unix_pair, ends); /* closed meanwhile, and before */
    task = waiting();
    expect(cothread_close(ends[0]), 0);
    join(task);
    expect_order("0:-13");
    item = item_of(ends[0], COTHREAD_READABLE);
    expect(cothread_wait(&item, sizeof item, 1, COTHREAD_NOW, 0), COTHREAD_EHANDLE);
    expect(cothread_close(ends[1]), 0);
    expect(cothread_close(listener), 0);
    return nothing_left();
}
