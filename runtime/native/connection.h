/* connection.h - streams, datagrams and listeners with a state.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CONNECTION_H
#define NATIVE_CONNECTION_H

#include "state.h"

struct adopted;

#define CONNECTION_STATES 10 /* COTHREAD_STATE_... */
#define CONNECTION_BUFFER_MOST ((size_t)16 << 20)

enum { INPUT_TURN, OUTPUT_TURN };
enum turn { FREE, TAKEN, WAITED_FOR };

/* The first line is all that most reads and writes touch: a server has a thousand of them, and each is out of the caches when
 * its turn comes. */
struct connection {
    uint32_t index, generation;
    struct slot *next_free;
    struct adopted *adopted; /* NULL: resolving, connecting */
    int64_t due;      /* when the limit of the state passes */
    uint8_t state;
    bool socket, datagram;
    bool input_over, output_over;
    bool told;        /* the peer, of the end of the output */
    bool lingers;     /* closing_end is under way */
    bool observed;    /* its observer is being called */
    uint8_t turns[2]; /* enum turn: of input and output */
    uint8_t operations; /* in this tick */
    uint32_t tick, moved;
    uint32_t begin, end; /* of what was read and not taken, in the buffer */
    char *buffer;
    struct wait_list next[2]; /* tasks that wait for a turn */
    uint32_t capacity;
    int32_t error; /* of one that failed: errno */
    bool owns_file; /* of its Unix socket: close removes it */
    struct task *connector; /* the task that connects it */
    cothread_observer observer;
    void *argument;
    int64_t limits[CONNECTION_STATES]; /* 0: the default */
};
_Static_assert(offsetof(struct connection, buffer) <= 64, "the first line");
_Static_assert(sizeof(struct connection) <= 256, "a connection fits its slot");
_Static_assert(sizeof((cothread_connection_options *)0)->limits == sizeof((struct connection *)0)->limits, "a limit for each state");

/* ---- States and operations ---- */

enum operation { TO_READ, TO_READ_EXACTLY, TO_READ_UNTIL, TO_WRITE, TO_WRITEV, TO_SENDFILE, TO_FINISH, TO_SEND, TO_RECEIVE, TO_ACCEPT,
                 TO_END, TO_RELEASE, TO_LOOK };

#define IN(state) (1u << COTHREAD_STATE_##state)
#define INPUT (IN(OPEN) | IN(INPUT_ENDED) | IN(OUTPUT_ENDED) | IN(CLOSING) | IN(FAILED))
#define OUTPUT (IN(OPEN) | IN(INPUT_ENDED))
#define CONNECTED (INPUT | IN(LISTENING))
#define EVER (CONNECTED | IN(RESOLVING) | IN(CONNECTING))

/* What fits which state: docs/connections.md has it as a table. */
static const struct {
    const char *name;
    uint32_t fits;
    bool streams, datagrams;
} operations[] = {
    [TO_READ] = {"read", INPUT, true, false},
    [TO_READ_EXACTLY] = {"read_exactly", INPUT, true, false},
    [TO_READ_UNTIL] = {"read_until", INPUT, true, false},
    [TO_WRITE] = {"write", OUTPUT, true, false},
    [TO_WRITEV] = {"writev", OUTPUT, true, false},
    [TO_SENDFILE] = {"sendfile", OUTPUT, true, false},
    [TO_FINISH] = {"finish", OUTPUT, true, false},
    [TO_SEND] = {"send", OUTPUT, true, true},
    [TO_RECEIVE] = {"receive", INPUT, true, true},
    [TO_ACCEPT] = {"accept", IN(LISTENING), true, false},
    [TO_END] = {"close", EVER, true, true},
    [TO_RELEASE] = {"release", CONNECTED, true, true},
    [TO_LOOK] = {"asking for the descriptor", CONNECTED, true, true},
};
#undef IN
#undef INPUT
#undef OUTPUT
#undef CONNECTED
#undef EVER

/* These are answers: why an operation fails. connection_gone says why a handle names no connection; of one that was closed, with
 * the operation. */
int connection_unfit(const struct connection *c, enum operation operation) __attribute__((cold));
int connection_unfit_kind(enum operation operation, bool datagram) __attribute__((cold));
int connection_gone(struct scheduler *s, cothread_handle handle, enum operation operation, int error) __attribute__((cold));
int connection_failed_because(const struct connection *c) __attribute__((cold));
int connection_observer_runs(void) __attribute__((cold));
bool connection_fail_if_due(struct scheduler *s, struct connection *c) __attribute__((cold));

/* connection_allows says whether an operation may begin: 0, or the error. */
static inline __attribute__((always_inline)) int connection_allows(const struct connection *c, enum operation operation)
{
    if (__builtin_expect(c->lingers, 0) && (operation == TO_END || operation == TO_RELEASE))
        return fail(COTHREAD_EBUSY, "another task closes the connection");
    if (__builtin_expect(!(operations[operation].fits & 1u << c->state), 0))
        return connection_unfit(c, operation);
    if (__builtin_expect(!(c->datagram ? operations[operation].datagrams : operations[operation].streams), 0))
        return connection_unfit_kind(operation, c->datagram);
    return 0;
}

static inline struct connection *connection_find(struct scheduler *s, cothread_handle handle, enum operation operation, int *error)
{
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, error);
    if (__builtin_expect(!c, 0))
        *error = connection_gone(s, handle, operation, *error);
    return c;
}

/* connection_overdue has a connection fail whose limit has passed; it returns whether that was now. */
static inline bool connection_overdue(struct scheduler *s, struct connection *c)
{
    return __builtin_expect(c->due != COTHREAD_FOREVER, 0) && connection_fail_if_due(s, c);
}

/* The end of the input, or of the output, is in the state. connection_make_room has the buffer hold `size` bytes. */
void connection_input_ends(struct scheduler *s, struct connection *c);
void connection_output_ends(struct scheduler *s, struct connection *c);
int connection_make_room(struct connection *c, size_t size);

/* ---- Coming and going: connect.c makes most of them ---- */

/* connection_begin makes one in `state`, without a descriptor yet; NULL: *error says why. connection_open gives it its adopted
 * descriptor; of one that made a socket's file, which its close removes, connection_owns_file is told before. connection_give_up
 * ends one that never got any; connection_strip ends an open one, and returns the handle of its adopted descriptor, which stays. */
struct connection *connection_begin(struct scheduler *s, const cothread_connection_options *options, int state, int *error);
void connection_open(struct scheduler *s, struct connection *c, cothread_handle adopted, bool datagram, bool listens);
void connection_owns_file(struct connection *c);
void connection_give_up(struct scheduler *s, struct connection *c, int error);
cothread_handle connection_strip(struct scheduler *s, cothread_handle handle);
void connection_enter(struct scheduler *s, struct connection *c, int state);
cothread_handle connection_handle(struct scheduler *s, const struct connection *c);
/* connection_connecting returns the one that is being connected by the calling task; NULL: it was closed, or its limit passed, and
 * *error is the answer. It hastens the task's waits when there is something to look at. */
struct connection *connection_connecting(struct scheduler *s, cothread_handle handle, int *error);
static inline int64_t connection_until(const struct connection *c, int64_t deadline)
{
    return c->due < deadline ? c->due : deadline;
}

cothread_handle connection_adopt(struct scheduler *s, int fd, const void *data, size_t size, const cothread_connection_options *options);
int connection_release(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, size_t *buffered);

/* ---- What it is ---- */

int64_t connection_unacknowledged(struct scheduler *s, cothread_handle handle);
int connection_state(struct scheduler *s, cothread_handle handle);
int connection_limit(struct scheduler *s, cothread_handle handle, int state, int64_t ns);
int connection_observe(struct scheduler *s, cothread_handle handle, cothread_observer observer, void *argument);
int connection_descriptor(struct scheduler *s, cothread_handle handle);
int connection_address(struct scheduler *s, cothread_handle handle, uint32_t end, cothread_address *address);

/* Among other things that a task waits for, one is looked at as its adopted descriptor, and by what connection_known knows of it
 * without that. connection_found says what a poll's bits mean for its operations; connection_due is when its limit passes, and
 * connection_check_limit has it fail then: its observer is called, which may close any other. */
void connection_check_limit(struct scheduler *s, cothread_handle handle);
struct adopted *connection_adopted(struct connection *c);
uint32_t connection_known(struct scheduler *s, cothread_handle handle, uint32_t want);
uint32_t connection_found(uint32_t want, uint32_t found);
int64_t connection_due(struct scheduler *s, cothread_handle handle);

/* Its row. */
int connection_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory);
int connection_close(struct scheduler *s, void *object, cothread_handle handle);
void connection_free(struct scheduler *s, void *object);
void connection_describe(const struct scheduler *s, const void *object, char *text, size_t size);

#endif
