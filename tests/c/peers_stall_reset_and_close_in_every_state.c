/* Whatever an operation waits for in whichever state of its connection: a peer that stalls, ends its output, closes or resets has
 * the answer that is documented, the state goes on as it should, and the next calls fit that.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include "open_descriptors.h"

#include <pty.h>

enum action { STALLS, HALF_CLOSES, CLOSES, RESETS };
enum operation { READ, READ_EXACTLY, READ_UNTIL, RECEIVE, WRITE, LOOK, CLOSE };

#define OPEN COTHREAD_STATE_OPEN
#define INPUT_ENDED COTHREAD_STATE_INPUT_ENDED
#define OUTPUT_ENDED COTHREAD_STATE_OUTPUT_ENDED
#define CLOSING COTHREAD_STATE_CLOSING
#define FAILED COTHREAD_STATE_FAILED
#define LATE COTHREAD_ETIMEDOUT
#define ENDED COTHREAD_ECLOSED
#define BROKE COTHREAD_ESYSTEM

/* Of a local connection a reset is a close beside unread input. */
static const struct cell {
    int state;
    enum action action;
    enum operation operation;
    int result, after, error, of_a_local_one; /* `after`: 0: it is gone */
    int local_error;
} cells[] = {
    {OPEN, STALLS, READ, LATE, OPEN, 0, OPEN, 0},
    {OPEN, STALLS, READ_EXACTLY, LATE, OPEN, 0, OPEN, 0},
    {OPEN, STALLS, READ_UNTIL, LATE, OPEN, 0, OPEN, 0},
    {OPEN, STALLS, RECEIVE, LATE, OPEN, 0, OPEN, 0},
    {OPEN, STALLS, WRITE, LATE, OPEN, 0, OPEN, 0},
    {OPEN, STALLS, LOOK, LATE, OPEN, 0, OPEN, 0},
    {OPEN, STALLS, CLOSE, 0, 0, 0, 0, 0}, /* at its limit */
    {OPEN, HALF_CLOSES, READ, 0, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, HALF_CLOSES, READ_EXACTLY, ENDED, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, HALF_CLOSES, READ_UNTIL, ENDED, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, HALF_CLOSES, RECEIVE, 0, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, HALF_CLOSES, WRITE, LATE, OPEN, 0, OPEN, 0}, /* it may still read */
    {OPEN, HALF_CLOSES, LOOK, 1, OPEN, 0, OPEN, 0},
    {OPEN, HALF_CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {OPEN, CLOSES, READ, 0, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, CLOSES, READ_EXACTLY, ENDED, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, CLOSES, READ_UNTIL, ENDED, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, CLOSES, RECEIVE, 0, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {OPEN, CLOSES, WRITE, BROKE, FAILED, ECONNRESET, OUTPUT_ENDED, EPIPE}, /* what was written it has not read */
    {OPEN, CLOSES, LOOK, 1, OPEN, 0, OPEN, 0},
    {OPEN, CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {OPEN, RESETS, READ, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OPEN, RESETS, READ_EXACTLY, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OPEN, RESETS, READ_UNTIL, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OPEN, RESETS, RECEIVE, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OPEN, RESETS, WRITE, BROKE, FAILED, ECONNRESET, OUTPUT_ENDED, EPIPE},
    {OPEN, RESETS, LOOK, 1, OPEN, 0, OPEN, 0},
    {OPEN, RESETS, CLOSE, 0, 0, 0, 0, 0},

    {INPUT_ENDED, STALLS, WRITE, LATE, INPUT_ENDED, 0, INPUT_ENDED, 0},
    {INPUT_ENDED, STALLS, CLOSE, 0, 0, 0, 0, 0},
    {INPUT_ENDED, CLOSES, WRITE, BROKE, CLOSING, EPIPE, CLOSING, EPIPE},
    {INPUT_ENDED, CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {INPUT_ENDED, RESETS, WRITE, BROKE, CLOSING, EPIPE, CLOSING, EPIPE},
    {INPUT_ENDED, RESETS, CLOSE, 0, 0, 0, 0, 0},

    {OUTPUT_ENDED, STALLS, READ, LATE, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, STALLS, READ_EXACTLY, LATE, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, STALLS, READ_UNTIL, LATE, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, STALLS, RECEIVE, LATE, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, STALLS, LOOK, LATE, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, STALLS, CLOSE, 0, 0, 0, 0, 0},
    {OUTPUT_ENDED, HALF_CLOSES, READ, 0, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, HALF_CLOSES, READ_EXACTLY, ENDED, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, HALF_CLOSES, READ_UNTIL, ENDED, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, HALF_CLOSES, RECEIVE, 0, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, HALF_CLOSES, LOOK, 1, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, HALF_CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {OUTPUT_ENDED, CLOSES, READ, 0, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, CLOSES, READ_EXACTLY, ENDED, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, CLOSES, READ_UNTIL, ENDED, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, CLOSES, RECEIVE, 0, CLOSING, 0, CLOSING, 0},
    {OUTPUT_ENDED, CLOSES, LOOK, 1, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {OUTPUT_ENDED, RESETS, READ, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OUTPUT_ENDED, RESETS, READ_EXACTLY, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OUTPUT_ENDED, RESETS, READ_UNTIL, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OUTPUT_ENDED, RESETS, RECEIVE, BROKE, FAILED, ECONNRESET, FAILED, ECONNRESET},
    {OUTPUT_ENDED, RESETS, LOOK, 1, OUTPUT_ENDED, 0, OUTPUT_ENDED, 0},
    {OUTPUT_ENDED, RESETS, CLOSE, 0, 0, 0, 0, 0},

    {CLOSING, STALLS, CLOSE, 0, 0, 0, 0, 0},
    {CLOSING, CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {CLOSING, RESETS, CLOSE, 0, 0, 0, 0, 0},
    {FAILED, STALLS, CLOSE, 0, 0, 0, 0, 0},
    {FAILED, HALF_CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {FAILED, CLOSES, CLOSE, 0, 0, 0, 0, 0},
    {FAILED, RESETS, CLOSE, 0, 0, 0, 0, 0},
};

static const struct cell *cell;
static cothread_handle connection;
static int local, peer;
static char much[64 << 20];
static int64_t result;
static int error;
static size_t count;

static void *operates(void *unused) {
    int64_t deadline = cell->action == STALLS || cell->result == LATE ? cothread_after(COTHREAD_MILLISECOND) : cothread_after(60 * COTHREAD_SECOND);
    cothread_message message = {.size = sizeof message, .data = much, .length = 8};
    cothread_item item = {.kind = COTHREAD_ITEM_CONNECTION, .want = COTHREAD_READABLE, .object = connection};
    count = 99;
    switch (cell->operation) {
    case READ: result = cothread_connection_read(connection, much, 8, deadline); break;
    case READ_EXACTLY: result = cothread_connection_read_exactly(connection, much, 8, &count, deadline); break;
    case READ_UNTIL: result = cothread_connection_read_until(connection, "\n", 1, much, 8, deadline); break;
    case RECEIVE: result = cothread_connection_receive(connection, &message, deadline); break;
    case WRITE: result = cothread_connection_write(connection, much, sizeof much, &count, deadline); break;
    case LOOK: result = cothread_wait(&item, sizeof item, 1, deadline, 0); break;
    case CLOSE: result = cothread_connection_close(connection, COTHREAD_FOREVER); break;
    }
    error = errno;
    if (cell->operation == LOOK && result == 1)
        expect(item.result, COTHREAD_READABLE);
    return unused;
}

static void enter_state(void) {
    int fds[2];
    char byte;
    (local ? unix_pair : tcp_pair)(fds);
    connection = connection_of(fds[0]);
    peer = fds[1];
    if (cell->state == FAILED) {
        expect(cothread_connection_limit(connection, OPEN, 1), 0);
        expect(cothread_sleep(COTHREAD_MICROSECOND), 0);
    }
    if (cell->state == INPUT_ENDED || cell->state == CLOSING) {
        expect(shutdown(peer, SHUT_WR), 0);
        expect(cothread_connection_read(connection, &byte, 1, COTHREAD_FOREVER), 0);
    }
    if (local && cell->action == RESETS && cell->operation != CLOSE) /* something that the peer does not read */
        say(connection, "x");
    if (cell->state == OUTPUT_ENDED || cell->state == CLOSING)
        expect(cothread_connection_finish(connection, COTHREAD_FOREVER), 0);
    expect(cothread_connection_state(connection), cell->state);
    if (cell->operation == CLOSE)
        expect(cothread_connection_limit(connection, CLOSING, cell->action == STALLS ? COTHREAD_MILLISECOND : 60 * COTHREAD_SECOND), 0);
}

static void act(void) {
    switch (cell->action) {
    case STALLS: return;
    case HALF_CLOSES: expect(shutdown(peer, SHUT_WR), 0); return;
    case CLOSES: close(peer); break;
    case RESETS: reset(peer); break;
    }
    peer = -1;
}

/* What is left of a connection fits its state. */
static void goes_on(int after) {
    char byte;
    int64_t n;
    expect(cothread_connection_state(connection), after);
    if (after == FAILED) {
        while ((n = cothread_connection_read(connection, &byte, 1, COTHREAD_FOREVER)) > 0)
            ; /* what had arrived */
        expect(n, COTHREAD_ESTATE);
        expect(cothread_connection_write(connection, "x", 1, NULL, COTHREAD_FOREVER), COTHREAD_ESTATE);
    }
    if (after == INPUT_ENDED || after == CLOSING)
        expect(cothread_connection_read(connection, &byte, 1, COTHREAD_FOREVER), 0);
    if (after == OUTPUT_ENDED || after == CLOSING)
        expect(cothread_connection_write(connection, "x", 1, NULL, COTHREAD_FOREVER), COTHREAD_ESTATE);
    expect(cothread_connection_limit(connection, CLOSING, 1), 0);
    expect(cothread_connection_close(connection, COTHREAD_FOREVER) >= 0, 1);
}

static void try_cell(void) {
    int after = local ? cell->of_a_local_one : cell->after, wanted = local ? cell->local_error : cell->error;
    int64_t began = cothread_now();
    enter_state();
    cothread_handle task = spawn(operates, NULL);
    expect(cothread_yield(), 0); /* it waits, or is stuck */
    act();
    join(task);
    if (result != cell->result && !(cell->operation == CLOSE && result > 0))
        fail_at(__FILE__, __LINE__, "%s cell %d: %lld, expected %d; errno %d: %s", local ? "local" : "TCP", (int)(cell - cells), (long long)result,
                cell->result, error, cothread_last_error());
    if (cell->result == BROKE && error != wanted)
        fail_at(__FILE__, __LINE__, "%s cell %d: errno %d, expected %d", local ? "local" : "TCP", (int)(cell - cells), error, wanted);
    if (cell->operation == READ_EXACTLY)
        expect(count, 0);
    if (cell->operation == WRITE)
        expect(count > 0 && count < sizeof much, 1);
    if (cell->operation == CLOSE && cell->action == STALLS && (cell->state == OPEN || cell->state == OUTPUT_ENDED))
        expect(cothread_now() - began >= COTHREAD_MILLISECOND, 1);
    if (after)
        goes_on(after);
    expect(cothread_connection_state(connection), COTHREAD_EHANDLE);
    if (peer >= 0)
        close(peer);
}

/* ---- Of pipes and terminals ---------------------------------------------------------------------------------------- */

static int64_t waited; /* what an operation gave that waited for the peer */

static void *reads_one(void *unused) {
    char byte;
    waited = cothread_connection_read(connection, &byte, 1, COTHREAD_FOREVER);
    error = errno;
    return unused;
}

static void *writes_much(void *unused) {
    waited = cothread_connection_write(connection, much, sizeof much, &count, COTHREAD_FOREVER);
    error = errno;
    return unused;
}

/* While an operation waits, the other end is closed. */
static void other_end_goes(cothread_function function, int own, int other, int before, int wanted, int wanted_error, int after) {
    cothread_handle task;
    char byte;
    connection = connection_of(own);
    expect(cothread_connection_state(connection), before);
    if (function == reads_one)
        expect(cothread_connection_read(connection, &byte, 1, cothread_after(COTHREAD_MILLISECOND)), LATE);
    else
        expect(cothread_connection_write(connection, much, sizeof much, &count, cothread_after(COTHREAD_MILLISECOND)), LATE);
    task = spawn(function, NULL);
    expect(cothread_yield(), 0);
    close(other);
    join(task);
    expect(waited, wanted);
    if (wanted == BROKE)
        expect(error, wanted_error);
    goes_on(after);
}

static void pipes_and_terminals(void) {
    int fds[2];
    expect(pipe(fds), 0);
    other_end_goes(reads_one, fds[0], fds[1], OUTPUT_ENDED, 0, 0, CLOSING);
    expect(pipe(fds), 0);
    other_end_goes(writes_much, fds[1], fds[0], INPUT_ENDED, BROKE, EPIPE, CLOSING);
    for (int way = 0; way < 3; way++) { /* writing to the master goes on without a terminal, as Linux has it */
        if (openpty(&fds[0], &fds[1], NULL, NULL, NULL) < 0)
            return; /* none here */
        if (way == 0) /* the terminal's own end reads an end, */
            other_end_goes(reads_one, fds[1], fds[0], OPEN, 0, 0, INPUT_ENDED);
        else if (way == 1) /* and else it is a hang-up */
            other_end_goes(writes_much, fds[1], fds[0], OPEN, BROKE, EIO, FAILED);
        else
            other_end_goes(reads_one, fds[0], fds[1], OPEN, BROKE, EIO, FAILED);
    }
}

/* ---- Of who comes to a listener, and of who answers -------------------------------------------------------------- */

static cothread_handle listener;
static struct sockaddr_in address;

static void *accepts(void *accepted) {
    *(cothread_handle *)accepted = cothread_connection_accept(listener, COTHREAD_FOREVER);
    return NULL;
}

/* Before it is accepted, or after. */
static void client(enum action action, int before) {
    cothread_handle accepted = 0, task = 0;
    char byte;
    int64_t n;
    peer = socket(AF_INET, SOCK_STREAM, 0);
    if (!before) {
        task = spawn(accepts, &accepted);
        expect(cothread_yield(), 0);
    }
    expect(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    if (before) {
        if (action == HALF_CLOSES)
            expect(shutdown(peer, SHUT_WR), 0);
        else if (action == CLOSES)
            close(peer);
        else if (action == RESETS)
            reset(peer);
        task = spawn(accepts, &accepted);
    }
    join(task);
    handle(accepted);
    if (!before) {
        if (action == HALF_CLOSES)
            expect(shutdown(peer, SHUT_WR), 0);
        else if (action == CLOSES)
            close(peer);
        else if (action == RESETS)
            reset(peer);
    }
    n = cothread_connection_read(accepted, &byte, 1, action == STALLS ? cothread_after(COTHREAD_MILLISECOND) : COTHREAD_FOREVER);
    expect(n, action == STALLS ? LATE : action == RESETS ? BROKE : 0);
    expect(cothread_close(accepted), 0);
    if (action == STALLS || action == HALF_CLOSES)
        close(peer);
}

/* What answers and then does that before the connector is told. */
static void server(enum action action) {
    cothread_address to = {.family = AF_INET, .type = SOCK_STREAM, .length = sizeof address};
    cothread_handle connected;
    char byte;
    int64_t n;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    expect(bind(fd, (struct sockaddr *)&at, length), 0);
    expect(listen(fd, 1), 0);
    expect(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    memcpy(to.address, &at, sizeof at);
    connected = handle(cothread_connect_addresses(&to, 1, NULL, COTHREAD_FOREVER));
    peer = accept(fd, NULL, NULL);
    if (action == HALF_CLOSES)
        expect(shutdown(peer, SHUT_WR), 0);
    else if (action == CLOSES)
        close(peer);
    else if (action == RESETS)
        reset(peer);
    n = cothread_connection_read(connected, &byte, 1, action == STALLS ? cothread_after(COTHREAD_MILLISECOND) : COTHREAD_FOREVER);
    expect(n, action == STALLS ? LATE : action == RESETS ? BROKE : 0);
    expect(cothread_close(connected), 0);
    if (action == STALLS || action == HALF_CLOSES)
        close(peer);
    close(fd);
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    socklen_t length = sizeof address;
    int before = 0;
    for (int round = 0; round < 2; round++) {
        for (local = 0; local < 2; local++)
            for (cell = cells; cell < cells + sizeof cells / sizeof *cells; cell++)
                try_cell();
        pipes_and_terminals();
        listener = handle(cothread_listen("127.0.0.1", "0", NULL));
        expect(getsockname(cothread_connection_descriptor(listener), (struct sockaddr *)&address, &length), 0);
        for (int action = STALLS; action <= RESETS; action++) {
            client((enum action)action, 0);
            client((enum action)action, 1);
            server((enum action)action);
        }
        expect(cothread_close(listener), 0);
        expect(statistics(scheduler).connections, 0);
        expect(statistics(scheduler).adopted, 0);
        if (round)
            expect(open_descriptors(), before);
        before = open_descriptors();
    }
    return nothing_left();
}
