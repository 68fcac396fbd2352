/* connection.c - streams, datagrams and listeners with a state.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One is an adopted descriptor with a state, its limits, an input buffer, and two turns: one task at a time reads, and one
 * writes. An operation finds its connection, checks that it fits the state, takes its turn, tries, waits and tries again;
 * after each wait it finds the connection anew, as it may be gone, closing or failed.
 *
 * Nothing runs for a limit by itself: a wait ends at the limit of the state, if that is earlier than its own deadline, and
 * whoever finds a limit passed has the connection fail. A change of state hastens the waits under way. */
#define _GNU_SOURCE /* memmem */
#include "connection.h"

#include <stdio.h>

#include "../../system/sockets.h"
#include "../../system/system.h"
#include "adopted.h"
#include "wait.h"

/* What tasks do with one connection in a tick before they let the others run: so much bounds how long a peer that always has
 * data keeps the rest waiting. One system call moves no more than TURN_BYTES. */
#define TURN_OPERATIONS 16
#define TURN_BYTES ((size_t)256 << 10)
#define BUFFER_LEAST 4096
#define CLOSING_LIMIT (2 * COTHREAD_SECOND)

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
    bool lingers;     /* connection_end is under way */
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

/* ---- States and operations ---------------------------------------------------------------------------------- */

static const char *const state_names[CONNECTION_STATES] = {
    [COTHREAD_STATE_RESOLVING] = "resolving its name",     [COTHREAD_STATE_CONNECTING] = "connecting",
    [COTHREAD_STATE_OPEN] = "open",                        [COTHREAD_STATE_INPUT_ENDED] = "at the end of its input",
    [COTHREAD_STATE_OUTPUT_ENDED] = "at the end of its output", [COTHREAD_STATE_CLOSING] = "closing",
    [COTHREAD_STATE_CLOSED] = "closed",                    [COTHREAD_STATE_FAILED] = "failed",
    [COTHREAD_STATE_LISTENING] = "listening",
};

enum operation { READ, READ_EXACTLY, READ_UNTIL, WRITE, WRITEV, SENDFILE, FINISH, SEND, RECEIVE, ACCEPT, END, RELEASE, LOOK };

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
    [READ] = {"read", INPUT, true, false},
    [READ_EXACTLY] = {"read_exactly", INPUT, true, false},
    [READ_UNTIL] = {"read_until", INPUT, true, false},
    [WRITE] = {"write", OUTPUT, true, false},
    [WRITEV] = {"writev", OUTPUT, true, false},
    [SENDFILE] = {"sendfile", OUTPUT, true, false},
    [FINISH] = {"finish", OUTPUT, true, false},
    [SEND] = {"send", OUTPUT, true, true},
    [RECEIVE] = {"receive", INPUT, true, true},
    [ACCEPT] = {"accept", IN(LISTENING), true, false},
    [END] = {"close", EVER, true, true},
    [RELEASE] = {"release", CONNECTED, true, true},
    [LOOK] = {"asking for the descriptor", CONNECTED, true, true},
};

static int unfit(const struct connection *c, enum operation operation) __attribute__((cold));
static int unfit(const struct connection *c, enum operation operation)
{
    char text[160], error[40] = "";
    if (c->state == COTHREAD_STATE_FAILED) {
        snprintf(error, sizeof error, " (errno %d)", c->error);
        errno = c->error;
    }
    snprintf(text, sizeof text, "%s does not fit a connection that is %s%s", operations[operation].name, state_names[c->state], error);
    return fail_text(COTHREAD_ESTATE, text);
}

static int unfit_kind(enum operation operation, bool datagram) __attribute__((cold));
static int unfit_kind(enum operation operation, bool datagram)
{
    char text[160];
    snprintf(text, sizeof text, "%s does not fit a connection of %s: use send and receive", operations[operation].name,
             datagram ? "datagrams" : "a stream");
    return fail_text(COTHREAD_EINVAL, text);
}

/* gone says why a handle names no connection; of one that was closed, with the operation. */
static int gone(struct scheduler *s, cothread_handle handle, enum operation operation, int error) __attribute__((cold));
static int gone(struct scheduler *s, cothread_handle handle, enum operation operation, int error)
{
    const struct slot *slot = handle > 0 && handle_kind(handle) == KIND_CONNECTION ? slot_at(&s->handles, KIND_CONNECTION, handle_index(handle)) : NULL;
    if (error == COTHREAD_EHANDLE && slot && handle_generation(handle) && handle_generation(handle) < (slot->generation & ~SLOT_FREE)) {
        char text[160];
        snprintf(text, sizeof text, "%s does not fit a connection that is closed: handle %lld is stale", operations[operation].name, (long long)handle);
        fail_text(error, text);
    }
    return error;
}

static struct connection *find(struct scheduler *s, cothread_handle handle, enum operation operation, int *error)
{
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, error);
    if (__builtin_expect(!c, 0))
        *error = gone(s, handle, operation, *error);
    return c;
}

cothread_handle connection_handle(struct scheduler *s, const struct connection *c)
{
    return handle_of(&s->handles, KIND_CONNECTION, c);
}

static int64_t after(int64_t ns)
{
    int64_t deadline;
    return ns == COTHREAD_FOREVER || __builtin_add_overflow(system_now(), ns, &deadline) ? COTHREAD_FOREVER : deadline;
}

static void start_limit(struct scheduler *s, struct connection *c)
{
    int64_t ns = c->limits[c->state];
    if (ns == 0)
        ns = c->state == COTHREAD_STATE_CLOSING ? CLOSING_LIMIT : COTHREAD_FOREVER;
    c->due = after(ns);
    if (c->adopted) {
        adopted_hasten(s, c->adopted, c->due);
        adopted_tell(s, c->adopted);
    } else if (c->connector) {
        wait_hasten(s, c->connector, c->due);
    }
}

/* call_observer marks the thread's own stack: what runs ticks or ends the scheduler is refused there, as in a task. */
static void call_observer(struct scheduler *s, cothread_observer observer, cothread_handle handle, int from, int to, void *argument)
{
    uint8_t was = s->observing;
    s->observing |= !s->running;
    observer(handle, from, to, argument);
    s->observing = was;
}

static void tell(struct scheduler *s, struct connection *c, int from, int to)
{
    if (!c->observer)
        return;
    bool was = c->observed;
    c->observed = true;
    call_observer(s, c->observer, connection_handle(s, c), from, to, c->argument);
    c->observed = was;
}

void connection_enter(struct scheduler *s, struct connection *c, int state)
{
    int from = c->state;
    if (from == state)
        return;
    c->state = (uint8_t)state;
    start_limit(s, c);
    if (state == COTHREAD_STATE_FAILED && c->adopted)
        adopted_end_waits(s, c->adopted, 0); /* they find out */
    tell(s, c, from, state);
}

static void input_ends(struct scheduler *s, struct connection *c)
{
    c->input_over = true;
    if (c->state == COTHREAD_STATE_OPEN)
        connection_enter(s, c, COTHREAD_STATE_INPUT_ENDED);
    else if (c->state == COTHREAD_STATE_OUTPUT_ENDED)
        connection_enter(s, c, COTHREAD_STATE_CLOSING);
}

static void output_ends(struct scheduler *s, struct connection *c)
{
    c->output_over = true;
    if (c->state == COTHREAD_STATE_OPEN)
        connection_enter(s, c, COTHREAD_STATE_OUTPUT_ENDED);
    else if (c->state == COTHREAD_STATE_INPUT_ENDED)
        connection_enter(s, c, COTHREAD_STATE_CLOSING);
}

static int failed_because(const struct connection *c) __attribute__((cold));
static int failed_because(const struct connection *c)
{
    errno = c->error;
    if (c->error == ETIMEDOUT)
        return fail(COTHREAD_ETIMEDOUT, "the connection was in its state for longer than its limit");
    return fail(COTHREAD_ESYSTEM, "the connection failed with errno %lld", c->error);
}

/* check_limit has a connection fail whose limit has passed; it returns whether that was now. */
static bool check_limit(struct scheduler *s, struct connection *c)
{
    if (__builtin_expect(c->due == COTHREAD_FOREVER, 1) || c->lingers || c->due > system_now())
        return false;
    c->error = ETIMEDOUT;
    connection_enter(s, c, COTHREAD_STATE_FAILED);
    return true;
}

/* ---- Operations: their beginning, their waits, their end -------------------------------------------------------- */

struct use {
    struct scheduler *s;
    cothread_handle handle;
    struct connection *c;
    int64_t deadline;
    enum operation operation;
    uint32_t moved; /* bytes, since spends was told */
};

static inline __attribute__((always_inline)) int check(const struct use *use)
{
    const struct connection *c = use->c;
    if (__builtin_expect(c->lingers, 0) && (use->operation == END || use->operation == RELEASE))
        return fail(COTHREAD_EBUSY, "another task closes the connection");
    if (__builtin_expect(!(operations[use->operation].fits & 1u << c->state), 0))
        return unfit(c, use->operation);
    if (__builtin_expect(!(c->datagram ? operations[use->operation].datagrams : operations[use->operation].streams), 0))
        return unfit_kind(use->operation, c->datagram);
    return 0;
}

/* begin finds the connection and takes one of its turns, which end gives back. */
enum { INPUT_TURN, OUTPUT_TURN };

static void wake_next(struct scheduler *s, struct connection *c, int turn) __attribute__((cold));
static void wake_next(struct scheduler *s, struct connection *c, int turn)
{
    struct wait *next = c->next[turn].first;
    if (next)
        wait_end(s, next, 0);
    else
        c->turns[turn] = FREE;
}

static inline void pass_turn(struct scheduler *s, struct connection *c, int turn)
{
    if (__builtin_expect(c->turns[turn] == WAITED_FOR, 0))
        wake_next(s, c, turn);
    else
        c->turns[turn] = FREE;
}

static int wait_for_turn(struct use *use, int turn) __attribute__((cold));
static int wait_for_turn(struct use *use, int turn)
{
    struct connection *c = use->c;
    int rc = wait_refused(use->s, use->deadline);
    if (rc == 0) {
        c->turns[turn] = WAITED_FOR;
        rc = wait_here(use->s, KIND_CONNECTION, &c->next[turn], use->deadline);
    }
    if (rc)
        return rc;
    if (!handle_object(&use->s->handles, KIND_CONNECTION, use->handle, &rc))
        return wait_failed(use->s, COTHREAD_ECLOSED, use->deadline);
    if ((rc = c->lingers ? fail(COTHREAD_ECLOSED, "the connection was closed") : check(use)) < 0)
        pass_turn(use->s, c, turn);
    return rc;
}

/* Inlined, so that what it checks for one operation is a constant. */
static inline __attribute__((always_inline)) int begin(struct use *use, struct scheduler *s, cothread_handle handle, enum operation operation, int turn, int64_t deadline)
{
    int rc;
    *use = (struct use){.s = s, .handle = handle, .deadline = deadline, .operation = operation};
    struct connection *c = use->c = find(s, handle, operation, &rc);
    if (!c)
        return rc;
    if (check_limit(s, c))
        return failed_because(c);
    if ((rc = check(use)) < 0)
        return rc;
    if (__builtin_expect(c->turns[turn] != FREE, 0))
        return wait_for_turn(use, turn);
    c->turns[turn] = TAKEN;
    return 0;
}

/* spends counts what was done with a connection in this tick, and says whether the others are to run. */
static inline bool spends(struct scheduler *s, struct connection *c, size_t bytes)
{
    uint32_t tick = (uint32_t)atomic_load_explicit(&s->shared.ticks, memory_order_relaxed);
    if (c->tick != tick) {
        c->tick = tick;
        c->operations = 0;
        c->moved = 0;
    }
    c->moved += (uint32_t)bytes;
    return ++c->operations >= TURN_OPERATIONS || c->moved >= TURN_BYTES;
}

static bool may_yield(const struct scheduler *s, int64_t deadline)
{
    return deadline != COTHREAD_NOW && s->current && !s->beginning;
}

/* end gives back the turn, unless the connection is gone, and lets others run if the operation did enough. */
static inline __attribute__((always_inline)) int64_t end(struct use *use, int turn, int64_t result)
{
    struct scheduler *s = use->s;
    struct connection *c = use->c;
    if (__builtin_expect(!c, 0))
        return result;
    pass_turn(s, c, turn);
    if (result < 0)
        return result;
    if (__builtin_expect(spends(s, c, use->moved), 0) && may_yield(s, use->deadline))
        switch_yield(s, s->current);
    else
        wait_satisfied(s, use->deadline);
    return result;
}

/* look_again is for an operation that goes on after other tasks have run: 0, or why it does not. */
static inline int look_again(struct use *use)
{
    int rc;
    struct connection *c = use->c = handle_object(&use->s->handles, KIND_CONNECTION, use->handle, &rc);
    if (!c || (c->lingers && use->operation != END))
        return fail(COTHREAD_ECLOSED, "the connection was closed while this task used it");
    if (c->state == COTHREAD_STATE_FAILED)
        return failed_because(c);
    return 0;
}

int64_t connection_until(const struct connection *c, int64_t deadline)
{
    return c->due < deadline ? c->due : deadline;
}

/* hastened is for a wait that timed out: 0 if neither its deadline nor the limit of the state has passed, or why it ends. */
static int hastened(struct use *use, int rc) __attribute__((cold));
static int hastened(struct use *use, int rc)
{
    if (use->deadline == COTHREAD_NOW)
        return rc;
    if (check_limit(use->s, use->c))
        return failed_because(use->c);
    return connection_until(use->c, use->deadline) > system_now() ? 0 : rc;
}

/* await waits until a direction may be tried again: 0, or why the operation ends. */
static inline __attribute__((always_inline)) int await(struct use *use, uint32_t direction)
{
    struct scheduler *s = use->s;
    int rc = adopted_await(s, use->c->adopted, direction, connection_until(use->c, use->deadline)), why = look_again(use);
    if (why < 0)
        return why;
    return __builtin_expect(rc == COTHREAD_ETIMEDOUT, 0) ? hastened(use, rc) : rc;
}

/* progress is for an operation that has moved some bytes and is not done. */
static int progress(struct use *use, size_t bytes)
{
    struct scheduler *s = use->s;
    if (!spends(s, use->c, bytes) || !may_yield(s, use->deadline))
        return 0;
    switch_yield(s, s->current);
    return look_again(use);
}

/* of_the_peer says whether an error is about the connection, and not about what was asked, or memory. */
static bool of_the_peer(const struct connection *c, int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ECONNREFUSED:
    case ENOTCONN:
    case ETIMEDOUT:
    case ENETDOWN:
    case ENETUNREACH:
    case ENETRESET:
    case EHOSTDOWN:
    case EHOSTUNREACH: return !c->datagram;
    case EIO: return !c->socket; /* a terminal was hung up */
    }
    return false;
}

/* broke is for a system call that failed; what it changes is in the state. */
static int broke(struct use *use, int error) __attribute__((cold));
static int broke(struct use *use, int error)
{
    struct connection *c = use->c;
    char text[160];
    snprintf(text, sizeof text, "%s failed with errno %d", operations[use->operation].name, error);
    if (error == EPIPE && of_the_peer(c, error)) {
        output_ends(use->s, c); /* what the peer sent can still be read, with an end if there is one */
    } else if (of_the_peer(c, error)) {
        c->error = error;
        connection_enter(use->s, c, COTHREAD_STATE_FAILED);
    }
    errno = error;
    return fail_text(COTHREAD_ESYSTEM, text);
}

/* ---- Coming and going --------------------------------------------------------------------------------------- */

struct connection *connection_begin(struct scheduler *s, const cothread_connection_options *options, int state, int *error)
{
    struct connection *c = object_allocate(&s->handles, KIND_CONNECTION, error);
    if (!c)
        return NULL;
    memset(&c->adopted, 0, sizeof *c - offsetof(struct connection, adopted));
    c->observer = options->observer;
    c->argument = options->argument;
    c->datagram = options->flags & COTHREAD_DATAGRAM;
    c->due = COTHREAD_FOREVER;
    c->connector = s->current;
    memcpy(c->limits, options->limits, sizeof c->limits);
    if (state)
        connection_enter(s, c, state);
    return c;
}

void connection_open(struct scheduler *s, struct connection *c, cothread_handle adopted, bool datagram, bool listens)
{
    c->connector = NULL;
    c->adopted = adopted_at(s, adopted);
    c->adopted->owner = c;
    c->socket = true;
    c->datagram = datagram;
    connection_enter(s, c, listens ? COTHREAD_STATE_LISTENING : COTHREAD_STATE_OPEN);
}

void connection_owns_file(struct connection *c)
{
    c->owns_file = true;
}

/* leave ends all waits for a connection, and its place among the living. */
static void leave(struct scheduler *s, struct connection *c)
{
    cothread_observer observer = c->observer;
    void *argument = c->argument;
    cothread_handle handle = connection_handle(s, c);
    int from = c->state;
    if (c->connector)
        wait_hasten(s, c->connector, 0);
    wait_end_all(s, &c->next[INPUT_TURN], COTHREAD_ECLOSED);
    wait_end_all(s, &c->next[OUTPUT_TURN], COTHREAD_ECLOSED);
    connection_free(s, c);
    c->state = COTHREAD_STATE_CLOSED;
    object_free(&s->handles, KIND_CONNECTION, c);
    if (observer)
        call_observer(s, observer, handle, from, COTHREAD_STATE_CLOSED, argument);
}

void connection_give_up(struct scheduler *s, struct connection *c, int error)
{
    c->connector = NULL;
    c->error = error;
    connection_enter(s, c, COTHREAD_STATE_FAILED);
    leave(s, c);
}

cothread_handle connection_strip(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, &error);
    if (!c)
        return error;
    struct adopted *adopted = c->adopted;
    c->adopted = NULL;
    leave(s, c);
    return adopted_handle(s, adopted);
}

struct connection *connection_connecting(struct scheduler *s, cothread_handle handle, int *error)
{
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, error);
    if (!c) {
        *error = fail(COTHREAD_ECLOSED, "the connection was closed while it was being made");
    } else if (check_limit(s, c)) {
        *error = failed_because(c);
        connection_give_up(s, c, ETIMEDOUT);
        c = NULL;
    }
    return c;
}

static int observer_runs(void)
{
    return fail(COTHREAD_EBUSY, "the observer of the connection is being called: it may not end it");
}

int connection_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    struct connection *c = object;
    if (c->observed)
        return observer_runs();
    cothread_address address;
    bool removes = c->owns_file && system_address(c->adopted->descriptor.fd, false, &address) == 0;
    if (c->adopted)
        adopted_close(s, c->adopted, 0);
    c->adopted = NULL;
    if (removes)
        system_unix_remove(&address); /* not if another process has the socket too, or made one of its own there */
    leave(s, c);
    return 0;
}

void connection_free(struct scheduler *s, void *object)
{
    struct connection *c = object;
    (void)s;
    system_free(c->buffer);
    c->buffer = NULL;
    c->begin = c->end = c->capacity = 0;
}

void connection_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    snprintf(text, size, "%s", state_names[((const struct connection *)object)->state]);
}

/* make_room has the buffer hold `size` bytes. */
static int make_room(struct connection *c, size_t size)
{
    if (c->begin && (size_t)c->capacity - c->begin < size) {
        memmove(c->buffer, c->buffer + c->begin, c->end - c->begin);
        c->end -= c->begin;
        c->begin = 0;
    }
    if (size <= c->capacity)
        return 0;
    uint32_t capacity = BUFFER_LEAST;
    while (capacity < size)
        capacity *= 2;
    char *larger = system_resize(c->buffer, capacity);
    if (!larger)
        return fail(COTHREAD_ENOMEM, "no memory to buffer %lld bytes of input", capacity);
    c->buffer = larger;
    c->capacity = capacity;
    return 0;
}

cothread_handle connection_adopt(struct scheduler *s, int fd, const void *data, size_t size, const cothread_connection_options *options)
{
    struct system_look_at look;
    int rc = system_look_at(fd, &look);
    if (rc == -EBADF)
        return fail(COTHREAD_EBADF, "descriptor %lld is not open", fd);
    if (rc < 0)
        return fail(COTHREAD_ESYSTEM, "looking at descriptor %lld failed with errno %lld", fd, -rc);
    if (look.socket && !look.datagram && !look.listens && !look.connected)
        return fail(COTHREAD_EINVAL, "socket %lld is neither connected nor does it listen: use cothread_connect", fd);
    struct connection *c = connection_begin(s, options, 0, &rc);
    if (!c)
        return rc;
    if (size && (rc = make_room(c, size)) < 0) {
        object_free(&s->handles, KIND_CONNECTION, c);
        return rc;
    }
    cothread_handle adopted = adopted_create(s, fd);
    if (adopted < 0) {
        connection_free(s, c);
        object_free(&s->handles, KIND_CONNECTION, c);
        return adopted;
    }
    if (size)
        memcpy(c->buffer, data, size);
    c->end = (uint32_t)size;
    cothread_handle handle = connection_handle(s, c);
    c->connector = NULL;
    c->adopted = adopted_at(s, adopted);
    c->adopted->owner = c;
    c->socket = look.socket;
    c->datagram = look.datagram;
    c->input_over = !look.reads;
    c->output_over = !look.writes;
    connection_enter(s, c, look.listens ? COTHREAD_STATE_LISTENING : !look.reads ? COTHREAD_STATE_INPUT_ENDED
                           : !look.writes ? COTHREAD_STATE_OUTPUT_ENDED : COTHREAD_STATE_OPEN);
    return handle;
}

int connection_release(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, size_t *buffered)
{
    int rc;
    struct use use = {.s = s, .handle = handle, .operation = RELEASE};
    struct connection *c = use.c = find(s, handle, RELEASE, &rc);
    if (!c)
        return rc;
    if ((rc = check(&use)) < 0)
        return rc;
    if (c->observed)
        return observer_runs();
    *buffered = c->end - c->begin;
    if (*buffered > size)
        return fail(COTHREAD_EFULL, "%lld bytes are buffered, and there is room for %lld", *buffered, size);
    if (*buffered)
        memcpy(buffer, c->buffer + c->begin, *buffered);
    int fd = adopted_release(s, adopted_handle(s, c->adopted));
    c->adopted = NULL;
    leave(s, c);
    return fd;
}

cothread_handle connection_accept(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    struct use use;
    int64_t result;
    int rc = begin(&use, s, handle, ACCEPT, INPUT_TURN, deadline);
    if (rc < 0)
        return rc;
    for (;;) {
        struct connection *listener = use.c;
        struct system_descriptor accepted;
        int64_t error = adopted_worth_trying(s, listener->adopted, COTHREAD_READABLE, deadline)
                            ? adopted_tried(listener->adopted, COTHREAD_READABLE, system_accept(&listener->adopted->descriptor, &accepted))
                            : -EAGAIN;
        if (error >= 0) {
            cothread_connection_options options = {.observer = listener->observer, .argument = listener->argument};
            memcpy(options.limits, listener->limits, sizeof options.limits);
            options.limits[COTHREAD_STATE_LISTENING] = 0;
            struct connection *c = connection_begin(s, &options, 0, &rc);
            result = c ? adopted_enter(s, &accepted) : rc;
            if (result < 0)
                system_close(&accepted);
            if (c && result < 0)
                object_free(&s->handles, KIND_CONNECTION, c);
            if (result >= 0) {
                cothread_handle adopted = result;
                result = connection_handle(s, c);
                connection_open(s, c, adopted, false, false);
                use.c = handle_object(&s->handles, KIND_CONNECTION, handle, &rc); /* the observer may have closed it */
            }
            break;
        }
        if (error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM) {
            fail(COTHREAD_ELIMIT, "accept failed with errno %lld: no descriptor or memory is left", -error);
            result = wait_before_limit(s, COTHREAD_ELIMIT, connection_until(use.c, deadline));
            if ((rc = look_again(&use)) < 0)
                result = rc;
            break;
        }
        if (error != -EAGAIN) {
            result = fail(COTHREAD_ESYSTEM, "accept failed with errno %lld", -error);
            break;
        }
        if ((result = await(&use, COTHREAD_READABLE)) < 0)
            break;
    }
    return end(&use, INPUT_TURN, result);
}

int connection_finish(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    struct use use;
    int rc = begin(&use, s, handle, FINISH, OUTPUT_TURN, deadline);
    if (rc < 0)
        return rc;
    int error = system_finish(&use.c->adopted->descriptor);
    use.c->told = error == 0;
    if (error < 0)
        rc = broke(&use, -error);
    else
        output_ends(s, use.c);
    return (int)end(&use, OUTPUT_TURN, rc);
}

/* drop_input reads and drops until the peer's end, or until the wait ends. False: the connection is gone. */
static bool drop_input(struct use *use)
{
    char block[4096];
    for (;;) {
        struct connection *c = use->c;
        int64_t n = adopted_worth_trying(use->s, c->adopted, COTHREAD_READABLE, use->deadline) ? adopted_read_now(use->s, c->adopted, block, sizeof block)
                                                                                            : -EAGAIN;
        int rc = n > 0 ? progress(use, (size_t)n) : n == -EAGAIN ? await(use, COTHREAD_READABLE) : COTHREAD_ECLOSED;
        if (!use->c)
            return false;
        if (rc == COTHREAD_EINTR)
            atomic_store(&use->s->shared.interrupted, 1); /* the next call says so */
        if (rc < 0 || (n > 0 && system_now() >= connection_until(c, use->deadline)))
            return true;
    }
}

int64_t connection_end(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    int rc;
    struct use use = {.s = s, .handle = handle, .deadline = deadline, .operation = END};
    struct connection *c = use.c = find(s, handle, END, &rc);
    if (!c)
        return rc;
    if (c->observed)
        return observer_runs();
    if ((rc = check(&use)) < 0)
        return rc;
    int64_t rest = 0;
    if (c->adopted && c->state != COTHREAD_STATE_LISTENING && !c->datagram) {
        bool peer_may_send = c->socket && !c->input_over && c->state != COTHREAD_STATE_FAILED;
        c->lingers = true;
        c->begin = c->end = 0;
        wait_end_all(s, &c->next[INPUT_TURN], COTHREAD_ECLOSED);
        wait_end_all(s, &c->next[OUTPUT_TURN], COTHREAD_ECLOSED);
        if (c->state != COTHREAD_STATE_FAILED)
            connection_enter(s, c, COTHREAD_STATE_CLOSING);
        adopted_end_waits(s, c->adopted, COTHREAD_ECLOSED);
        c->told = c->told || system_finish(&c->adopted->descriptor) == 0;
        c->output_over = true;
        if (peer_may_send && c->told && deadline != COTHREAD_NOW && !drop_input(&use))
            return fail(COTHREAD_ECLOSED, "cothread_close was called while the connection was being closed");
        rest = system_unacknowledged(&c->adopted->descriptor, c->told);
    }
    connection_close(s, c, handle);
    return rest < 0 ? 0 : rest;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

/* take moves what is buffered to the caller. */
static size_t take(struct connection *c, void *buffer, size_t size)
{
    size_t n = c->end - c->begin;
    if (n > size)
        n = size;
    memcpy(buffer, c->buffer + c->begin, n);
    c->begin += (uint32_t)n;
    if (c->begin == c->end)
        c->begin = c->end = 0;
    return n;
}

/* ended is for a read that brought no bytes: at the end, or for an error. */
static int64_t ended(struct use *use, int64_t n) __attribute__((cold));
static int64_t ended(struct use *use, int64_t n)
{
    struct connection *c = use->c;
    if (c->state == COTHREAD_STATE_FAILED)
        return unfit(c, use->operation);
    if (n < 0)
        return broke(use, (int)-n);
    if (!c->input_over && !c->lingers)
        input_ends(use->s, c);
    return 0;
}

/* await_input waits until it is worth trying again: 0, or why the operation ends. */
static inline __attribute__((always_inline)) int await_input(struct use *use)
{
    if (__builtin_expect(use->c->state == COTHREAD_STATE_FAILED, 0))
        return unfit(use->c, use->operation);
    return await(use, COTHREAD_READABLE);
}

/* fill reads what there is: > 0, 0 at the end, or an error. */
static inline __attribute__((always_inline)) int64_t fill(struct use *use, void *buffer, size_t size)
{
    for (;;) {
        struct connection *c = use->c;
        if (__builtin_expect(c->input_over || c->lingers, 0))
            return ended(use, 0);
        if (adopted_worth_trying(use->s, c->adopted, COTHREAD_READABLE, use->deadline)) {
            int64_t n = adopted_read_now(use->s, c->adopted, buffer, size < TURN_BYTES ? size : TURN_BYTES);
            if (__builtin_expect(n > 0, 1))
                return n;
            if (n != -EAGAIN)
                return ended(use, n);
        }
        int rc = await_input(use);
        if (__builtin_expect(rc < 0, 0))
            return rc;
    }
}

int64_t connection_read(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, int64_t deadline)
{
    struct use use;
    int64_t n = begin(&use, s, handle, READ, INPUT_TURN, deadline);
    if (n < 0)
        return n;
    n = __builtin_expect(use.c->end != 0, 0) ? (int64_t)take(use.c, buffer, size) : fill(&use, buffer, size);
    use.moved = n > 0 ? (uint32_t)n : 0;
    return end(&use, INPUT_TURN, n);
}

int connection_read_exactly(struct scheduler *s, cothread_handle handle, void *buffer, size_t size, size_t *got, int64_t deadline)
{
    struct use use;
    int64_t n = begin(&use, s, handle, READ_EXACTLY, INPUT_TURN, deadline);
    if (n < 0)
        return (int)n;
    if (use.c->end)
        *got = take(use.c, buffer, size);
    while (*got < size) {
        if ((n = fill(&use, (char *)buffer + *got, size - *got)) <= 0)
            break;
        *got += (size_t)n;
        if ((n = progress(&use, (size_t)n)) < 0)
            break;
    }
    if (n == 0 && *got < size)
        n = fail(COTHREAD_ECLOSED, "the input ended after %lld of %lld bytes", *got, size);
    return (int)end(&use, INPUT_TURN, n < 0 ? n : 0);
}

int64_t connection_read_until(struct scheduler *s, cothread_handle handle, const void *delimiter, size_t delimiter_size, void *buffer,
                              size_t size, int64_t deadline)
{
    struct use use;
    size_t searched = 0; /* no delimiter begins before this, from the begin of what is buffered */
    int64_t n = begin(&use, s, handle, READ_UNTIL, INPUT_TURN, deadline);
    if (n < 0)
        return n;
    while (n >= 0) {
        struct connection *c = use.c;
        size_t length = c->end - c->begin, within = length < size ? length : size;
        const char *from = c->buffer + c->begin;
        const char *found = within > searched ? memmem(from + searched, within - searched, delimiter, delimiter_size) : NULL;
        if (found) {
            n = (int64_t)take(c, buffer, (size_t)(found - from) + delimiter_size);
            break;
        }
        if (within == size) {
            n = fail(COTHREAD_EFULL, "there is no delimiter among the first %lld bytes", size);
            break;
        }
        if (within >= delimiter_size)
            searched = within - delimiter_size + 1;
        if ((n = make_room(c, size)) < 0) /* not before: what is buffered may be many lines, and is moved once for all of them */
            break;
        n = fill(&use, c->buffer + c->end, c->capacity - c->end);
        if (n == 0)
            n = fail(COTHREAD_ECLOSED, "the input ended without the delimiter, after %lld bytes", length);
        if (n < 0)
            break;
        use.c->end += (uint32_t)n;
        n = progress(&use, (size_t)n);
    }
    if (use.c && use.c->end && use.c->adopted)
        adopted_tell(s, use.c->adopted); /* who waits for input among other things looks */
    return end(&use, INPUT_TURN, n);
}

/* receive_some is fill for messages. */
static int64_t receive_some(struct use *use, struct system_message *m)
{
    for (;;) {
        struct connection *c = use->c;
        if (c->end)
            return (int64_t)take(c, m->data, m->size);
        if (c->input_over || c->lingers)
            return ended(use, 0);
        if (adopted_worth_trying(use->s, c->adopted, COTHREAD_READABLE, use->deadline)) {
            int64_t n = adopted_tried(c->adopted, COTHREAD_READABLE, system_receive(&c->adopted->descriptor, m));
            if (n > 0 || (n == 0 && c->datagram))
                return n;
            if (n != -EAGAIN)
                return ended(use, n);
        }
        int rc = await_input(use);
        if (rc < 0)
            return rc;
    }
}

int64_t connection_receive(struct scheduler *s, cothread_handle handle, cothread_message *message, int64_t deadline)
{
    struct use use;
    int32_t descriptors[SYSTEM_DESCRIPTORS_MAX];
    int64_t n = begin(&use, s, handle, RECEIVE, INPUT_TURN, deadline);
    if (n < 0)
        return n;
    struct system_message m = {.data = message->data, .size = message->length, .datagram = use.c->datagram,
                               .address = message->address, .descriptors = descriptors};
    n = receive_some(&use, &m);
    if (n >= 0) {
        for (uint32_t i = 0; i < m.descriptor_count; i++) {
            if (i < message->descriptor_count)
                message->descriptors[i] = descriptors[i];
            else
                system_close_received(descriptors[i]);
        }
        message->descriptor_count = m.descriptor_count;
        use.moved = (uint32_t)n;
    }
    return end(&use, INPUT_TURN, n);
}

/* ---- Writing ------------------------------------------------------------------------------------------------ */

/* What an operation writes, and how much of it the system has accepted. */
struct output {
    const char *data;
    const cothread_span *spans;
    const struct system_message *message;
    int64_t offset;
    size_t size, *done;
    int fd;
};

/* put_some writes from where the output stands: > 0, 0 at the end of a file, or -errno. */
static int64_t put_some(enum operation operation, struct connection *c, const struct output *o)
{
    struct system_descriptor *d = &c->adopted->descriptor;
    size_t done = *o->done, rest = o->size - done;
    if (rest > TURN_BYTES && !c->datagram)
        rest = TURN_BYTES;
    if (operation == WRITE)
        return system_write(d, o->data + done, rest);
    if (operation == SENDFILE)
        return system_write_file(d, o->fd, o->offset + (int64_t)done, rest);
    if (operation == SEND) {
        struct system_message m = *o->message;
        m.data = (char *)m.data + done;
        m.size = rest;
        if (done)
            m.descriptor_count = 0; /* they went with the first byte */
        return system_send(d, &m);
    }
    cothread_span some[16];
    size_t count = 0, total = 0;
    for (const cothread_span *span = o->spans; count < 16 && total < rest; span++) {
        if (done >= span->size) {
            done -= span->size;
            continue;
        }
        size_t size = span->size - done < rest - total ? span->size - done : rest - total;
        some[count++] = (cothread_span){(const char *)span->data + done, size};
        total += size;
        done = 0;
    }
    return system_write_spans(d, some, count);
}

/* put_rest goes on until all is written, and ends the operation. */
static int put_rest(struct use *use, const struct output *o) __attribute__((noinline));
static int put_rest(struct use *use, const struct output *o)
{
    struct scheduler *s = use->s;
    enum operation operation = use->operation;
    int rc = 0;
    bool whole = use->c->datagram; /* an empty one is sent too */
    while (rc == 0 && (*o->done < o->size || whole)) {
        struct connection *c = use->c;
        int64_t n = adopted_worth_trying(s, c->adopted, COTHREAD_WRITABLE, use->deadline)
                        ? adopted_tried(c->adopted, COTHREAD_WRITABLE, put_some(operation, c, o))
                        : -EAGAIN;
        if (n > 0 || (n == 0 && whole)) {
            *o->done += (size_t)n;
            if (!whole && *o->done < o->size) {
                rc = progress(use, (size_t)n);
                continue;
            }
            use->moved = (uint32_t)n;
            break;
        }
        if (n == -EAGAIN)
            rc = await(use, COTHREAD_WRITABLE);
        else if (n == 0 && operation == SENDFILE)
            rc = fail(COTHREAD_EINVAL, "the file ends after %lld of %lld bytes", *o->done, o->size);
        else if (n == -EBADF && operation == SENDFILE)
            rc = fail(COTHREAD_EBADF, "descriptor %lld is not open for reading", o->fd);
        else
            rc = broke(use, n == 0 ? EIO : (int)-n);
    }
    return (int)end(use, OUTPUT_TURN, rc);
}

static int put(struct scheduler *s, cothread_handle handle, enum operation operation, const struct output *o, int64_t deadline)
{
    struct use use;
    int rc = begin(&use, s, handle, operation, OUTPUT_TURN, deadline);
    return rc < 0 ? rc : put_rest(&use, o);
}

int connection_write(struct scheduler *s, cothread_handle handle, const void *data, size_t size, size_t *written, int64_t deadline)
{
    struct use use;
    int rc = begin(&use, s, handle, WRITE, OUTPUT_TURN, deadline);
    if (rc < 0)
        return rc;
    if (size <= TURN_BYTES && adopted_worth_trying(s, use.c->adopted, COTHREAD_WRITABLE, deadline)) { /* most writes are done at once */
        int64_t n = adopted_tried(use.c->adopted, COTHREAD_WRITABLE, system_write(&use.c->adopted->descriptor, data, size));
        if (n < 0 && n != -EAGAIN)
            return (int)end(&use, OUTPUT_TURN, broke(&use, (int)-n));
        if (n > 0)
            *written = (size_t)n;
        if (n == (int64_t)size) {
            use.moved = (uint32_t)n;
            return (int)end(&use, OUTPUT_TURN, 0);
        }
    }
    struct output o = {.data = data, .size = size, .done = written};
    return put_rest(&use, &o);
}

int connection_writev(struct scheduler *s, cothread_handle handle, const cothread_span *spans, size_t count, size_t *written,
                      int64_t deadline)
{
    struct output o = {.spans = spans, .done = written};
    for (size_t i = 0; i < count; i++)
        o.size += spans[i].size;
    return put(s, handle, WRITEV, &o, deadline);
}

int connection_sendfile(struct scheduler *s, cothread_handle handle, int fd, int64_t offset, size_t size, size_t *written,
                        int64_t deadline)
{
    struct output o = {.fd = fd, .offset = offset, .size = size, .done = written};
    return put(s, handle, SENDFILE, &o, deadline);
}

int connection_send(struct scheduler *s, cothread_handle handle, const cothread_message *message, size_t *written, int64_t deadline)
{
    struct system_message m = {.data = message->data, .size = message->length, .address = message->address,
                               .descriptors = message->descriptors, .descriptor_count = message->descriptor_count};
    struct output o = {.message = &m, .size = message->length, .done = written};
    return put(s, handle, SEND, &o, deadline);
}

/* ---- What it is --------------------------------------------------------------------------------------------- */

static struct connection *look_at(struct scheduler *s, cothread_handle handle, int *error)
{
    struct connection *c = find(s, handle, LOOK, error);
    if (!c)
        return NULL;
    check_limit(s, c);
    if (operations[LOOK].fits & 1u << c->state && c->adopted)
        return c;
    *error = unfit(c, LOOK);
    return NULL;
}

int64_t connection_unacknowledged(struct scheduler *s, cothread_handle handle)
{
    int rc;
    struct connection *c = look_at(s, handle, &rc);
    if (!c)
        return rc;
    int64_t bytes = c->state == COTHREAD_STATE_LISTENING ? 0 : system_unacknowledged(&c->adopted->descriptor, c->told);
    return bytes < 0 ? fail(COTHREAD_ESYSTEM, "the system does not tell: errno %lld", -bytes) : bytes;
}

int connection_state(struct scheduler *s, cothread_handle handle)
{
    int rc;
    struct connection *c = find(s, handle, LOOK, &rc);
    if (!c)
        return rc;
    check_limit(s, c);
    return c->state;
}

int connection_limit(struct scheduler *s, cothread_handle handle, int state, int64_t ns)
{
    int rc;
    struct connection *c = find(s, handle, LOOK, &rc);
    if (!c)
        return rc;
    check_limit(s, c);
    c->limits[state] = ns;
    if (c->state == state)
        start_limit(s, c);
    return 0;
}

int connection_observe(struct scheduler *s, cothread_handle handle, cothread_observer observer, void *argument)
{
    int rc;
    struct connection *c = find(s, handle, LOOK, &rc);
    if (!c)
        return rc;
    c->observer = observer;
    c->argument = argument;
    return 0;
}

int connection_descriptor(struct scheduler *s, cothread_handle handle)
{
    int rc;
    struct connection *c = look_at(s, handle, &rc);
    return c ? c->adopted->descriptor.fd : rc;
}

int connection_address(struct scheduler *s, cothread_handle handle, uint32_t peer, cothread_address *address)
{
    int rc;
    struct connection *c = look_at(s, handle, &rc);
    if (!c)
        return rc;
    rc = system_address(c->adopted->descriptor.fd, peer, address);
    return rc < 0 ? fail(COTHREAD_ESYSTEM, "the connection has no such address: errno %lld", -rc) : 0;
}

/* ---- Among other things --------------------------------------------------------------------------------------- */

int connection_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory)
{
    (void)handle, (void)w, (void)memory;
    const struct connection *c = object;
    return c->adopted ? 0 : unfit(c, LOOK);
}

void connection_check_limit(struct scheduler *s, cothread_handle handle)
{
    int stale;
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, &stale);
    if (c)
        check_limit(s, c);
}

struct adopted *connection_adopted(struct connection *c)
{
    return c->adopted;
}

uint32_t connection_known(struct scheduler *s, cothread_handle handle, uint32_t want)
{
    int stale;
    const struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, &stale);
    uint32_t known = 0;
    if (c->end || c->input_over)
        known |= COTHREAD_READABLE;
    if (c->output_over)
        known |= COTHREAD_WRITABLE;
    return (known & want) | (c->state == COTHREAD_STATE_FAILED ? COTHREAD_ERROR : 0);
}

uint32_t connection_found(uint32_t want, uint32_t found)
{
    return found & (COTHREAD_ERROR | COTHREAD_HANGUP) ? want : found & want;
}

int64_t connection_due(struct scheduler *s, cothread_handle handle)
{
    int stale;
    const struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, &stale);
    return c ? c->due : COTHREAD_FOREVER;
}
