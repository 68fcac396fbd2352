/* On a hosted scheduler's own stack, and with COTHREAD_NOW anywhere, connections take what is there; nobody else runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

#include "host.h"

static int ran;
static void *runs(void *unused) {
    ran = 1;
    return unused;
}

static char buffer[64], much[64 << 20];

static void without_waiting(cothread_handle ends[2], int64_t deadline, int refused) {
    cothread_handle listener = handle(cothread_listen("127.0.0.1", "0", NULL)), client;
    cothread_address address;
    cothread_message message = {.size = sizeof message, .data = buffer, .length = 1};
    size_t written;
    expect(cothread_connection_read(ends[0], buffer, 1, deadline), refused);
    expect(cothread_connection_read_exactly(ends[0], buffer, 1, NULL, deadline), refused);
    expect(cothread_connection_read_until(ends[0], "\n", 1, buffer, 9, deadline), refused);
    expect(cothread_connection_receive(ends[0], &message, deadline), refused);
    expect(cothread_connection_accept(listener, deadline), refused);
    expect(cothread_connection_write(ends[0], much, sizeof much, &written, deadline), refused);
    expect(written > 0 && written < sizeof much, 1);
    expect(cothread_connection_write(ends[1], "answer\n", 7, NULL, deadline), 0);
    expect(cothread_connection_read_until(ends[0], "\n", 1, buffer, 9, deadline), 7);
    expect(cothread_connection_address(listener, COTHREAD_LOCAL, &address), 0);
    client = cothread_connect_addresses(&address, 1, NULL, deadline); /* on this computer it may be there at once */
    if (client > 0)
        expect(cothread_close(client), 0);
    else
        expect(client, refused);
    expect(cothread_close(listener), 0);
    expect(cothread_connection_close(ends[0], deadline) >= 0, 1);
    expect(cothread_connection_close(ends[1], deadline) >= 0, 1);
    expect(ran, 0);
}

static void *task_without_waiting(void *unused) {
    cothread_handle ends[2], other;
    connected(tcp_pair, ends);
    ran = 0;
    other = spawn(runs, NULL);
    without_waiting(ends, COTHREAD_NOW, COTHREAD_ETIMEDOUT);
    join(other);
    return unused;
}

int main(void) {
    cothread_handle ends[2], other, task;
    hosted(0);
    other = spawn(runs, NULL);
    connected(tcp_pair, ends);
    without_waiting(ends, COTHREAD_NOW, COTHREAD_ETIMEDOUT);
    connected(tcp_pair, ends);
    without_waiting(ends, COTHREAD_FOREVER, COTHREAD_EHOSTED);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(ran, 1);
    join(other);
    task = spawn(task_without_waiting, NULL);
    while (cothread_join(task, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    return nothing_left();
}
