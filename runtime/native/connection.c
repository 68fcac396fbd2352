/* connection.c - streams, datagrams and listeners with a state.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One is an adopted descriptor with a state, its limits, an input buffer, and two turns: one task at a time reads, and one
 * writes (use.h).
 *
 * Nothing runs for a limit by itself: a wait ends at the limit of the state, if that is earlier than its own deadline, and
 * whoever finds a limit passed has the connection fail. A change of state hastens the waits under way. */
#include "connection.h"

#include <stdio.h>

#include "../../system/sockets.h"
#include "../../system/system.h"
#include "adopted.h"
#include "wait.h"

#define BUFFER_LEAST 4096
#define CLOSING_LIMIT (2 * COTHREAD_SECOND)

/* ---- States and operations ---------------------------------------------------------------------------------- */

static const char *const state_names[CONNECTION_STATES] = {
    [COTHREAD_STATE_RESOLVING] = "resolving its name",     [COTHREAD_STATE_CONNECTING] = "connecting",
    [COTHREAD_STATE_OPEN] = "open",                        [COTHREAD_STATE_INPUT_ENDED] = "at the end of its input",
    [COTHREAD_STATE_OUTPUT_ENDED] = "at the end of its output", [COTHREAD_STATE_CLOSING] = "closing",
    [COTHREAD_STATE_CLOSED] = "closed",                    [COTHREAD_STATE_FAILED] = "failed",
    [COTHREAD_STATE_LISTENING] = "listening",
};

int connection_unfit(const struct connection *c, enum operation operation)
{
    char text[160], error[40] = "";
    if (c->state == COTHREAD_STATE_FAILED) {
        snprintf(error, sizeof error, " (errno %d)", c->error);
        errno = c->error;
    }
    snprintf(text, sizeof text, "%s does not fit a connection that is %s%s", operations[operation].name, state_names[c->state], error);
    return fail_text(COTHREAD_ESTATE, text);
}

int connection_unfit_kind(enum operation operation, bool datagram)
{
    char text[160];
    snprintf(text, sizeof text, "%s does not fit a connection of %s: use send and receive", operations[operation].name,
             datagram ? "datagrams" : "a stream");
    return fail_text(COTHREAD_EINVAL, text);
}

int connection_gone(struct scheduler *s, cothread_handle handle, enum operation operation, int error)
{
    const struct slot *slot = handle > 0 && handle_kind(handle) == KIND_CONNECTION ? slot_at(&s->handles, KIND_CONNECTION, handle_index(handle)) : NULL;
    if (error == COTHREAD_EHANDLE && slot && handle_generation(handle) && handle_generation(handle) < (slot->generation & ~SLOT_FREE)) {
        char text[160];
        snprintf(text, sizeof text, "%s does not fit a connection that is closed: handle %lld is stale", operations[operation].name, (long long)handle);
        fail_text(error, text);
    }
    return error;
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

void connection_input_ends(struct scheduler *s, struct connection *c)
{
    c->input_over = true;
    if (c->state == COTHREAD_STATE_OPEN)
        connection_enter(s, c, COTHREAD_STATE_INPUT_ENDED);
    else if (c->state == COTHREAD_STATE_OUTPUT_ENDED)
        connection_enter(s, c, COTHREAD_STATE_CLOSING);
}

void connection_output_ends(struct scheduler *s, struct connection *c)
{
    c->output_over = true;
    if (c->state == COTHREAD_STATE_OPEN)
        connection_enter(s, c, COTHREAD_STATE_OUTPUT_ENDED);
    else if (c->state == COTHREAD_STATE_INPUT_ENDED)
        connection_enter(s, c, COTHREAD_STATE_CLOSING);
}

int connection_failed_because(const struct connection *c)
{
    errno = c->error;
    if (c->error == ETIMEDOUT)
        return fail(COTHREAD_ETIMEDOUT, "the connection was in its state for longer than its limit");
    return fail(COTHREAD_ESYSTEM, "the connection failed with errno %lld", c->error);
}

bool connection_fail_if_due(struct scheduler *s, struct connection *c)
{
    if (c->lingers || c->due > system_now())
        return false;
    c->error = ETIMEDOUT;
    connection_enter(s, c, COTHREAD_STATE_FAILED);
    return true;
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
    adopted->owner = adopted;
    c->adopted = NULL;
    leave(s, c);
    return adopted_handle(s, adopted);
}

struct connection *connection_connecting(struct scheduler *s, cothread_handle handle, int *error)
{
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, error);
    if (!c) {
        *error = fail(COTHREAD_ECLOSED, "the connection was closed while it was being made");
    } else if (connection_overdue(s, c)) {
        *error = connection_failed_because(c);
        connection_give_up(s, c, ETIMEDOUT);
        c = NULL;
    }
    return c;
}

int connection_observer_runs(void)
{
    return fail(COTHREAD_EBUSY, "the observer of the connection is being called: it may not end it");
}

int connection_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    struct connection *c = object;
    if (c->observed)
        return connection_observer_runs();
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

int connection_make_room(struct connection *c, size_t size)
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
    if (size && (rc = connection_make_room(c, size)) < 0) {
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
    struct connection *c = connection_find(s, handle, TO_RELEASE, &rc);
    if (!c)
        return rc;
    if ((rc = connection_allows(c, TO_RELEASE)) < 0)
        return rc;
    if (c->observed)
        return connection_observer_runs();
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

/* ---- What it is --------------------------------------------------------------------------------------------- */

static struct connection *look_at(struct scheduler *s, cothread_handle handle, int *error)
{
    struct connection *c = connection_find(s, handle, TO_LOOK, error);
    if (!c)
        return NULL;
    connection_overdue(s, c);
    if (operations[TO_LOOK].fits & 1u << c->state && c->adopted)
        return c;
    *error = connection_unfit(c, TO_LOOK);
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
    struct connection *c = connection_find(s, handle, TO_LOOK, &rc);
    if (!c)
        return rc;
    connection_overdue(s, c);
    return c->state;
}

int connection_limit(struct scheduler *s, cothread_handle handle, int state, int64_t ns)
{
    int rc;
    struct connection *c = connection_find(s, handle, TO_LOOK, &rc);
    if (!c)
        return rc;
    connection_overdue(s, c);
    c->limits[state] = ns;
    if (c->state == state)
        start_limit(s, c);
    return 0;
}

int connection_observe(struct scheduler *s, cothread_handle handle, cothread_observer observer, void *argument)
{
    int rc;
    struct connection *c = connection_find(s, handle, TO_LOOK, &rc);
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
    return c->adopted ? 0 : connection_unfit(c, TO_LOOK);
}

void connection_check_limit(struct scheduler *s, cothread_handle handle)
{
    int stale;
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, handle, &stale);
    if (c)
        connection_overdue(s, c);
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
