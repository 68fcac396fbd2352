/* Readiness is a hint: what was reported is taken by somebody else before the task runs, by a call of its own on the same
 * descriptor. Every operation tries, finds nothing, and waits on until there is something.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

static cothread_handle subject; /* a connection, or an adopted descriptor */
static int fds[2];
static char much[1 << 20];
static int file, over;

/* ---- The operations: each returns when it has got something of its own -------------------------------------------- */

static void *connection_reads(void *unused) {
    char byte;
    expect(cothread_connection_read(subject, &byte, 1, COTHREAD_FOREVER), 1);
    expect(byte, 'b');
    return unused;
}

static void *connection_reads_exactly(void *unused) {
    char byte;
    expect(cothread_connection_read_exactly(subject, &byte, 1, NULL, COTHREAD_FOREVER), 0);
    expect(byte, 'b');
    return unused;
}

static void *connection_reads_until(void *unused) {
    char byte;
    expect(cothread_connection_read_until(subject, "b", 1, &byte, 1, COTHREAD_FOREVER), 1);
    return unused;
}

static void *connection_receives(void *unused) {
    char byte;
    cothread_message message = {.size = sizeof message, .data = &byte, .length = 1};
    expect(cothread_connection_receive(subject, &message, COTHREAD_FOREVER), 1);
    expect(byte, 'b');
    return unused;
}

static void *connection_waits(void *unused) {
    cothread_item item = {.kind = COTHREAD_ITEM_CONNECTION, .want = COTHREAD_READABLE, .object = subject};
    expect(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), 1);
    expect(item.result, COTHREAD_READABLE);
    return connection_reads(unused);
}

static void *adopted_reads(void *unused) {
    char byte;
    expect(cothread_read(subject, &byte, 1, COTHREAD_FOREVER), 1);
    expect(byte, 'b');
    return unused;
}

static void *adopted_waits(void *unused) {
    expect(cothread_wait_ready(subject, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    return adopted_reads(unused);
}

static void *adopted_waits_among_others(void *unused) {
    cothread_item items[] = {{.kind = COTHREAD_ITEM_READY, .want = COTHREAD_READABLE, .object = subject},
                             {.kind = COTHREAD_ITEM_EVENT, .object = handle(cothread_event_create(0))}};
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 1);
    expect(items[0].result, COTHREAD_READABLE);
    expect(cothread_close(items[1].object), 0);
    return adopted_reads(unused);
}

static void *connection_accepts(void *unused) {
    expect(cothread_close(handle(cothread_connection_accept(subject, COTHREAD_FOREVER))), 0);
    return unused;
}

static void *adopted_accepts(void *unused) {
    expect(cothread_close(handle(cothread_accept(subject, COTHREAD_FOREVER))), 0);
    return unused;
}

static void *connection_writes(void *unused) {
    expect(cothread_connection_write(subject, "b", 1, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *connection_writes_pieces(void *unused) {
    cothread_span span = {"b", 1};
    expect(cothread_connection_writev(subject, &span, 1, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *connection_sends_a_file(void *unused) {
    expect(cothread_connection_sendfile(subject, file, 0, 1, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *connection_sends(void *unused) {
    cothread_message message = {.size = sizeof message, .data = "b", .length = 1};
    expect(cothread_connection_send(subject, &message, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *adopted_writes(void *unused) {
    expect(cothread_write(subject, "b", 1, COTHREAD_FOREVER), 1);
    return unused;
}

/* ---- In a callback, which runs before the tasks that a report wakes ------------------------------------------------ */

static void takes_the_input(void *unused) {
    char bytes[4];
    (void)unused;
    expect(recv(fds[0], bytes, sizeof bytes, MSG_DONTWAIT), 1);
    expect(bytes[0], 'a');
}

static void takes_the_client(void *unused) {
    int client = accept4(fds[0], NULL, NULL, SOCK_NONBLOCK);
    (void)unused;
    expect(client >= 0, 1);
    close(client);
}

static void takes_the_room(void *unused) {
    (void)unused;
    while (send(fds[0], much, sizeof much, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    while (send(fds[0], much, 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
}

static void *runs(void *function) {
    (*(cothread_function *)function)(NULL);
    over = 1;
    return NULL;
}

static void does_nothing(void *unused) {
    (void)unused;
}

/* Runs a callback and what is woken in its tick: how many switches that takes. */
static uint64_t switches(cothread_callback callback) {
    cothread_handle scheduler = cothread_current();
    uint64_t before = statistics(scheduler).switches;
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_yield(), 0);
    return statistics(scheduler).switches - before;
}

/* `gives` is done ten times, and each time `takes` takes it away again: the task runs and waits on. Then it gets something. */
static void tried(cothread_function function, void (*gives)(int second), void (*takes)(void *)) {
    cothread_handle task;
    over = 0;
    task = spawn(runs, &function);
    expect(cothread_yield(), 0);
    uint64_t without = switches(does_nothing);
    for (int i = 0; i < 10; i++) {
        expect(over, 0);
        gives(0);
        expect(switches(takes), without + 1);
    }
    expect(over, 0);
    gives(1);
    join(task);
}

static void gives_input(int second) {
    expect(send(fds[1], second ? "b" : "a", 1, 0), 1);
}

static struct sockaddr_in address;
static int client = -1;

static void gives_a_client(int second) {
    (void)second;
    if (client >= 0)
        close(client);
    client = socket(AF_INET, SOCK_STREAM, 0);
    expect(connect(client, (struct sockaddr *)&address, sizeof address), 0);
}

static void gives_room(int second) {
    (void)second;
    while (recv(fds[1], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
}

static void of_input(cothread_function function, int connection, void (*pair)(int ends[2])) {
    pair(fds);
    subject = connection ? connection_of(fds[0]) : handle(cothread_adopt(fds[0], 0));
    tried(function, gives_input, takes_the_input);
    expect(cothread_close(subject), 0);
    close(fds[1]);
}

static void of_output(cothread_function function, int connection) {
    unix_pair(fds);
    subject = connection ? connection_of(fds[0]) : handle(cothread_adopt(fds[0], 0));
    takes_the_room(NULL);
    tried(function, gives_room, takes_the_room);
    expect(cothread_close(subject), 0);
    close(fds[1]);
}

static void of_clients(cothread_function function, int connection) {
    socklen_t length = sizeof address;
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    expect(bind(fds[0], (struct sockaddr *)&address, sizeof address), 0);
    expect(listen(fds[0], 4), 0);
    expect(getsockname(fds[0], (struct sockaddr *)&address, &length), 0);
    subject = connection ? connection_of(fds[0]) : handle(cothread_adopt(fds[0], 0));
    tried(function, gives_a_client, takes_the_client);
    expect(cothread_close(subject), 0);
    close(client);
    client = -1;
}

static void datagrams(int ends[2]) {
    expect(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
}

int main(void) {
    static const cothread_function reads[] = {connection_reads, connection_reads_exactly, connection_reads_until, connection_receives, connection_waits};
    static const cothread_function adopted_ones[] = {adopted_reads, adopted_waits, adopted_waits_among_others};
    static const cothread_function writes[] = {connection_writes, connection_writes_pieces, connection_sends_a_file, connection_sends};
    size_t i;
    handle(cothread_create(NULL));
    file = memfd_create("file", 0);
    expect(write(file, "b", 1), 1);
    for (i = 0; i < sizeof reads / sizeof *reads; i++) {
        of_input(reads[i], 1, tcp_pair);
        of_input(reads[i], 1, unix_pair);
    }
    of_input(connection_receives, 1, datagrams);
    for (i = 0; i < sizeof adopted_ones / sizeof *adopted_ones; i++)
        of_input(adopted_ones[i], 0, tcp_pair);
    for (i = 0; i < sizeof writes / sizeof *writes; i++)
        of_output(writes[i], 1);
    of_output(adopted_writes, 0);
    of_clients(connection_accepts, 1);
    of_clients(adopted_accepts, 0);
    close(file);
    return nothing_left();
}
