/* Every cell of the table in docs/connections.md: each operation in each state.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

enum { STATES = 10 }; /* and none */
static const char *const states[STATES] = {
    "", "resolving its name", "connecting", "open", "at the end of its input", "at the end of its output", "closing", "closed", "failed", "listening",
};

/* A connection in a state, and what to end when it was tried. */
typedef struct {
    cothread_handle connection;
    int peer; /* the other end; -1: none */
    cothread_handle task;
} subject;

static int seen_state;
static cothread_handle seen;


/* ---- What each operation answers ---- */

static char buffer[16];
static size_t count;
static int file;

static int64_t do_read(cothread_handle c) {
    return cothread_connection_read(c, buffer, sizeof buffer, COTHREAD_NOW);
}
static int64_t do_read_exactly(cothread_handle c) {
    return cothread_connection_read_exactly(c, buffer, 1, &count, COTHREAD_NOW);
}
static int64_t do_read_until(cothread_handle c) {
    return cothread_connection_read_until(c, "\n", 1, buffer, sizeof buffer, COTHREAD_NOW);
}
static int64_t do_receive(cothread_handle c) {
    cothread_message m = {.size = sizeof m, .data = buffer, .length = sizeof buffer};
    return cothread_connection_receive(c, &m, COTHREAD_NOW);
}
static int64_t do_write(cothread_handle c) {
    return cothread_connection_write(c, "x", 1, &count, COTHREAD_NOW);
}
static int64_t do_writev(cothread_handle c) {
    cothread_span span = {"x", 1};
    return cothread_connection_writev(c, &span, 1, &count, COTHREAD_NOW);
}
static int64_t do_sendfile(cothread_handle c) {
    return cothread_connection_sendfile(c, file, 0, 1, &count, COTHREAD_NOW);
}
static int64_t do_send(cothread_handle c) {
    cothread_message m = {.size = sizeof m, .data = buffer, .length = 1};
    return cothread_connection_send(c, &m, &count, COTHREAD_NOW);
}
static int64_t do_finish(cothread_handle c) {
    return cothread_connection_finish(c, COTHREAD_NOW);
}
static int64_t do_accept(cothread_handle c) {
    return cothread_connection_accept(c, COTHREAD_NOW);
}
static int64_t do_release(cothread_handle c) {
    int fd = cothread_connection_release(c, buffer, sizeof buffer, &count);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}
static int64_t do_close(cothread_handle c) {
    return cothread_connection_close(c, COTHREAD_NOW);
}
static int64_t do_close_at_once(cothread_handle c) {
    return cothread_close(c);
}
static int64_t do_unacknowledged(cothread_handle c) {
    return cothread_connection_unacknowledged(c);
}
static int64_t do_descriptor(cothread_handle c) {
    int fd = cothread_connection_descriptor(c);
    return fd < 0 ? fd : 0;
}
static int64_t do_address(cothread_handle c) {
    cothread_address address;
    return cothread_connection_address(c, COTHREAD_LOCAL, &address);
}
static int64_t do_wait(cothread_handle c) {
    cothread_item item = {.kind = COTHREAD_ITEM_CONNECTION, .want = COTHREAD_READABLE, .object = c};
    return cothread_wait(&item, sizeof item, 1, COTHREAD_NOW, 0);
}
static int64_t do_state(cothread_handle c) {
    int state = cothread_connection_state(c);
    return state > 0 ? 0 : state;
}
static int64_t do_limit(cothread_handle c) {
    return cothread_connection_limit(c, COTHREAD_STATE_OPEN, COTHREAD_SECOND);
}
static int64_t do_observe(cothread_handle c) {
    return cothread_connection_observe(c, NULL, NULL);
}

/* The rows of the table: what they are called there and in the sentence of an error, and the call. */
static const struct {
    const char *row, *name;
    int64_t (*call)(cothread_handle);
} table[] = {
    {"`read`", "read", do_read},
    {"`read_exactly`", "read_exactly", do_read_exactly},
    {"`read_until`", "read_until", do_read_until},
    {"`receive`", "receive", do_receive},
    {"`write`", "write", do_write},
    {"`writev`", "writev", do_writev},
    {"`sendfile`", "sendfile", do_sendfile},
    {"`send`", "send", do_send},
    {"`finish`", "finish", do_finish},
    {"`accept`", "accept", do_accept},
    {"`release`", "release", do_release},
    {"`close`", "close", do_close},
    {"`cothread_close`", "", do_close_at_once},
    {"`cothread_wait`, readable", "", do_wait},
    {"`unacknowledged`", "asking for the descriptor", do_unacknowledged},
    {"`descriptor`", "asking for the descriptor", do_descriptor},
    {"`address`", "asking for the descriptor", do_address},
    {"`state`", "", do_state},
    {"`limit`", "", do_limit},
    {"`observe`", "", do_observe},
};
enum { ROWS_OF_TABLE = sizeof table / sizeof *table, DONE = 1000 };
static int answers[ROWS_OF_TABLE][STATES]; /* by state: a code, 0, or DONE, which is anything that is no error */

static int answer(const char *cell) {
    static const struct {
        const char *cell;
        int answer;
    } meanings[] = {{"done", DONE}, {"0", 0}, {"waits", COTHREAD_ETIMEDOUT}, {"ESTATE", COTHREAD_ESTATE}, {"ECLOSED", COTHREAD_ECLOSED}, {"EHANDLE", COTHREAD_EHANDLE}};
    size_t i;
    for (i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (strcmp(cell, meanings[i].cell) == 0)
            return meanings[i].answer;
    fail_at(__FILE__, __LINE__, "\"%s\" is no cell of the table", cell);
    return 0;
}

/* Its columns are in the order of the states' numbers. */
static void read_the_table(void) {
    FILE *page = fopen("docs/connections.md", "r");
    char line[512];
    size_t read = 0;
    expect(page != NULL, 1);
    while (fgets(line, sizeof line, page) && strncmp(line, "| | resolving | connecting | open | input ended | output ended | "
                                                           "closing | closed | failed | listening |", 100) != 0)
        ;
    expect(fgets(line, sizeof line, page) != NULL, 1); /* the rule below */
    while (fgets(line, sizeof line, page) && line[0] == '|') {
        char *cell = line + 2, *end;
        int state;
        for (state = 0; state < STATES; state++, cell = end + 3) {
            expect((end = strstr(cell, " |")) != NULL, 1);
            *end = 0;
            if (state == 0)
                expect(read < ROWS_OF_TABLE && strcmp(cell, table[read].row) == 0, 1);
            else
                answers[read][state] = answer(cell);
        }
        read++;
    }
    fclose(page);
    expect(read, ROWS_OF_TABLE);
}

/* ---- Connections in each state ---- */

static int full_listener(struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), i;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "cothread-test-%d", getpid());
    expect(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    expect(listen(fd, 0), 0);
    for (i = 0; i < 2; i++) { /* whoever comes now is told to come again */
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(client, (struct sockaddr *)address, sizeof *address) < 0)
            close(client);
    }
    return fd;
}

static size_t row;
static int column, tried;

/* The states in which a connection is only while it is made are tried by its observer, which may not end it, or by another task. */
static void observes(cothread_handle connection, int from, int to, void *unused) {
    (void)from;
    (void)unused;
    seen = connection;
    seen_state = to;
    if (to == column && column == COTHREAD_STATE_RESOLVING) {
        int ends = table[row].call == do_close || table[row].call == do_close_at_once;
        int64_t got = table[row].call(connection);
        expect(got, ends ? COTHREAD_EBUSY : answers[row][column] == DONE ? 0 : answers[row][column]);
        if (answers[row][column] == COTHREAD_ESTATE)
            expect(strstr(cothread_last_error(), states[column]) != NULL, 1);
        tried++;
    }
}

static void *connects_to_the_full_one(void *address) {
    cothread_connection_options options = {.size = sizeof options, .observer = observes};
    cothread_address to = {.family = AF_UNIX, .length = sizeof(struct sockaddr_un)};
    int64_t result;
    memcpy(to.address, address, sizeof(struct sockaddr_un));
    result = cothread_connect_addresses(&to, 1, &options, COTHREAD_FOREVER);
    if (result != COTHREAD_ECLOSED && result != COTHREAD_ECANCELED)
        fail_at(__FILE__, __LINE__, "connect gave %lld", (long long)result);
    return NULL;
}

static subject in_state(int state) {
    subject s = {.peer = -1};
    int fds[2];
    if (state == COTHREAD_STATE_LISTENING) {
        s.connection = handle(cothread_listen("127.0.0.1", "0", NULL));
        return s;
    }
    tcp_pair(fds);
    s.connection = connection_of(fds[0]);
    s.peer = fds[1];
    switch (state) {
    case COTHREAD_STATE_INPUT_ENDED:
    case COTHREAD_STATE_CLOSING:
        expect(shutdown(s.peer, SHUT_WR), 0);
        expect(cothread_connection_read(s.connection, buffer, 1, COTHREAD_FOREVER), 0);
        break;
    case COTHREAD_STATE_FAILED:
        reset(s.peer);
        s.peer = -1;
        expect(cothread_connection_read(s.connection, buffer, 1, COTHREAD_FOREVER), COTHREAD_ESYSTEM);
        expect(errno, ECONNRESET);
        break;
    case COTHREAD_STATE_CLOSED:
        expect(cothread_close(s.connection), 0);
        break;
    }
    if (state == COTHREAD_STATE_OUTPUT_ENDED || state == COTHREAD_STATE_CLOSING)
        expect(cothread_connection_finish(s.connection, COTHREAD_FOREVER), 0);
    if (state != COTHREAD_STATE_CLOSED)
        expect(cothread_connection_state(s.connection), state);
    return s;
}

static void try_cell(cothread_handle connection) {
    int wanted = answers[row][column];
    int64_t got = table[row].call(connection);
    if (got != wanted && !(wanted == DONE && got >= 0))
        fail_at(__FILE__, __LINE__, "%s (row %zu) of one that is %s gave %lld, expected %d: %s", table[row].name, row, states[column],
                (long long)got, wanted, cothread_last_error());
    if (wanted == COTHREAD_ESTATE || (wanted == COTHREAD_EHANDLE && table[row].name[0]))
        if (!strstr(cothread_last_error(), states[column]) || !strstr(cothread_last_error(), table[row].name))
            fail_at(__FILE__, __LINE__, "%s of one that is %s: \"%s\" names not both", table[row].name, states[column], cothread_last_error());
    tried++;
}

int main(void) {
    struct sockaddr_un address;
    int full;
    read_the_table();
    handle(cothread_create(NULL));
    file = memfd_create("file", 0);
    expect(write(file, "content", 7), 7);
    for (row = 0; row < ROWS_OF_TABLE; row++) {
        for (column = COTHREAD_STATE_OPEN; column < STATES; column++) {
            subject s = in_state(column);
            try_cell(s.connection);
            if (cothread_connection_state(s.connection) > 0)
                expect(cothread_close(s.connection), 0);
            if (s.peer >= 0)
                close(s.peer);
        }
        column = COTHREAD_STATE_RESOLVING;
        cothread_connection_options options = {.size = sizeof options, .observer = observes};
        expect(cothread_connect("no.such.name.invalid", "1", &options, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        column = COTHREAD_STATE_CONNECTING;
        full = full_listener(&address);
        cothread_handle task = spawn(connects_to_the_full_one, &address);
        expect(cothread_yield(), 0);
        expect(seen_state, COTHREAD_STATE_CONNECTING);
        try_cell(seen);
        if (cothread_connection_state(seen) > 0)
            expect(cothread_close(seen), 0);
        join(task);
        close(full);
    }
    expect(tried, ROWS_OF_TABLE * (STATES - 1));
    return nothing_left();
}
