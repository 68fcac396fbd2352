/* connect.c - connections are made: to the first of several addresses that answers, and by listening.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Addresses race as in RFC 8305: the families take turns, and the next attempt begins when the one before has failed, or is
 * 250 ms old. One task does it all: it waits for all attempts at a time. */
#include "connect.h"

#include <sys/socket.h>

#include "../../system/sockets.h"
#include "../../system/system.h"
#include "adopted.h"
#include "connection.h"
#include "items.h"
#include "names.h"
#include "tasks.h"
#include "wait.h"

#define STAGGER (250 * COTHREAD_MILLISECOND)
#define PAUSE_LEAST COTHREAD_MILLISECOND
#define PAUSE_MOST (100 * COTHREAD_MILLISECOND)
#define ADDRESSES_MOST 64 /* of one name that are tried */
#define LISTENS_MOST 16   /* of a number, or of NULL: two, once for each protocol */

/* What a connect has allocated: listed, so that the scheduler's end finds what belongs to tasks that never ended. */
struct held {
    struct held *next, **link;
    _Alignas(16) char bytes[];
};

static void *hold(struct scheduler *s, size_t size)
{
    struct held *held = system_allocate(1, sizeof *held + size);
    if (!held)
        return NULL;
    held->next = s->held;
    held->link = &s->held;
    if (held->next)
        held->next->link = &held->next;
    s->held = held;
    return held->bytes;
}

static void let_go(void *bytes)
{
    if (!bytes)
        return;
    struct held *held = (struct held *)(void *)((char *)bytes - offsetof(struct held, bytes));
    *held->link = held->next;
    if (held->next)
        held->next->link = held->link;
    system_free(held);
}

void connects_close(struct scheduler *s)
{
    while (s->held)
        let_go(s->held->bytes);
}

struct race {
    struct scheduler *s;
    cothread_handle connection;
    const cothread_address *addresses;
    size_t count, next, live;
    int64_t start; /* when the next attempt begins, unless all before have failed */
    int64_t pause; /* before the next try of an address whose backlog was full; 0: none was */
    int error;     /* of the last attempt that failed */
    bool datagram;
    cothread_handle winner;
    cothread_item *attempts; /* adopted sockets; the tag is the address */
};

/* refused is for what the system does not do. */
static int refused(const char *sentence, int error)
{
    errno = error;
    switch (error) {
    case EMFILE:
    case ENFILE: return fail(COTHREAD_ELIMIT, "no descriptor is left for a socket (errno %lld)", error);
    case ENOMEM:
    case ENOBUFS: return fail(COTHREAD_ENOMEM, "no memory for a socket (errno %lld)", error);
    }
    return record_failure(COTHREAD_ESYSTEM, sentence, error, 0);
}

static void close_adopted(struct scheduler *s, cothread_handle handle)
{
    struct adopted *adopted = adopted_at(s, handle);
    if (adopted)
        adopted_close(s, adopted, handle);
}

/* nth_of_family returns the n-th address that is, or is not, of the first one's family; NULL: there are fewer. */
static const cothread_address *nth_of_family(const struct race *race, size_t n, bool first)
{
    for (size_t i = 0; i < race->count; i++)
        if ((race->addresses[i].family == race->addresses->family) == first && n-- == 0)
            return &race->addresses[i];
    return NULL;
}

/* address_in_turn returns the address to try as the n-th: the families take turns as long as both have one. */
static const cothread_address *address_in_turn(const struct race *race, size_t n)
{
    size_t firsts = 0;
    for (size_t i = 0; i < race->count; i++)
        firsts += race->addresses[i].family == race->addresses->family;
    size_t others = race->count - firsts, pairs = firsts < others ? firsts : others;
    if (n < 2 * pairs)
        return nth_of_family(race, n / 2, n % 2 == 0);
    return nth_of_family(race, n - pairs, firsts > others);
}

/* start begins the next attempt. */
static void start(struct race *race)
{
    const cothread_address *address = address_in_turn(race, race->next++);
    struct system_descriptor socket;
    int rc = system_socket(&socket, address->family, race->datagram ? SOCK_DGRAM : SOCK_STREAM, address->protocol);
    if (rc < 0) {
        race->error = -rc;
        return;
    }
    rc = system_connect(&socket, address);
    if (rc == 0 || rc == -EINPROGRESS) {
        cothread_handle adopted = adopted_enter(race->s, &socket);
        if (adopted > 0 && rc == 0)
            race->winner = adopted;
        else if (adopted > 0)
            race->attempts[race->live++] = (cothread_item){
                .kind = COTHREAD_ITEM_READY, .want = COTHREAD_WRITABLE, .object = adopted, .tag = (uintptr_t)address};
        if (adopted > 0) {
            race->start = system_now() + STAGGER;
            return;
        }
        race->error = adopted == COTHREAD_ELIMIT ? EMFILE : adopted == COTHREAD_ENOMEM ? ENOMEM : adopted == COTHREAD_ESYSTEM ? errno : EPERM;
        system_close(&socket);
        return;
    }
    system_close(&socket);
    race->error = -rc;
    if (rc == -EAGAIN && address->family == AF_UNIX) { /* the backlog is full, and nothing tells when it is not */
        race->next--;
        race->pause = race->pause == 0 ? PAUSE_LEAST : race->pause < PAUSE_MOST ? 2 * race->pause : race->pause;
        race->start = system_now() + race->pause;
    }
}

/* look sees how an attempt went that was reported. */
static void look(struct race *race, size_t i)
{
    cothread_handle handle = race->attempts[i].object;
    const cothread_address *address = (const cothread_address *)(uintptr_t)race->attempts[i].tag;
    int rc = system_connected(&adopted_at(race->s, handle)->descriptor, address);
    if (rc == -EINPROGRESS)
        return;
    if (rc == 0) {
        race->winner = handle;
    } else {
        race->error = -rc;
        race->start = COTHREAD_NOW; /* the next at once */
        close_adopted(race->s, handle);
    }
    race->attempts[i] = race->attempts[--race->live];
}

/* await waits until an attempt was reported, or the next is to begin: the number of reports, or why not. */
static int await(struct race *race, int64_t until)
{
    if (race->live)
        return items_wait(race->s, race->attempts, sizeof *race->attempts, race->live, until, 0);
    int rc = wait_refused(race->s, until);
    return rc ? rc : wait_here(race->s, KIND_NONE, NULL, until);
}

/* run returns 0 with a winner, or why there is none. */
static int run(struct race *race, int64_t deadline)
{
    for (;;) {
        while (!race->winner && race->next < race->count && (race->start <= system_now() || (race->live == 0 && !race->pause)))
            start(race);
        if (race->winner)
            return 0;
        if (race->live == 0 && race->next == race->count)
            return refused("no address answers: the last one failed with errno %lld", race->error);
        int why;
        struct connection *c = connection_connecting(race->s, race->connection, &why);
        if (!c)
            return why;
        int64_t until = connection_until(c, deadline);
        if (race->next < race->count && race->start < until)
            until = race->start;
        int rc = await(race, until);
        if (!connection_connecting(race->s, race->connection, &why))
            return why;
        if (rc < 0 && (rc != COTHREAD_ETIMEDOUT || deadline <= system_now()))
            return rc;
        for (size_t i = race->live; rc > 0 && !race->winner && i-- > 0;)
            if (race->attempts[i].fired)
                look(race, i);
    }
}

/* connect_begun connects one that was begun, and ends it if that fails. */
static cothread_handle connect_begun(struct scheduler *s, cothread_handle handle, const cothread_address *addresses, size_t count,
                                     bool datagram, int64_t deadline)
{
    struct race race = {.s = s, .connection = handle, .addresses = addresses, .count = count, .datagram = datagram, .start = COTHREAD_NOW};
    int rc;
    struct connection *c = connection_connecting(s, handle, &rc);
    if (!c)
        return rc;
    race.attempts = hold(s, count * sizeof *race.attempts);
    if (!race.attempts) {
        connection_give_up(s, c, ENOMEM);
        return fail(COTHREAD_ENOMEM, "no memory to connect to %lld addresses", count);
    }
    connection_enter(s, c, COTHREAD_STATE_CONNECTING);
    rc = run(&race, deadline);
    int error = errno;
    while (race.live)
        close_adopted(s, race.attempts[--race.live].object);
    let_go(race.attempts);
    int stale;
    if (rc == 0 && (c = connection_connecting(s, handle, &rc)) != NULL) {
        connection_open(s, c, race.winner, datagram, false);
        return handle;
    }
    if (race.winner)
        close_adopted(s, race.winner);
    c = handle_object(&s->handles, KIND_CONNECTION, handle, &stale);
    if (c)
        connection_give_up(s, c, race.error ? race.error : ETIMEDOUT);
    errno = error;
    return rc;
}

cothread_handle connect_to(struct scheduler *s, const cothread_address *addresses, size_t count, const cothread_connection_options *options,
                           int64_t deadline)
{
    int rc;
    struct connection *c = connection_begin(s, options, COTHREAD_STATE_CONNECTING, &rc);
    return c ? connect_begun(s, connection_handle(s, c), addresses, count, options->flags & COTHREAD_DATAGRAM, deadline) : rc;
}

/* numeric finds the addresses of two numbers: how many, or 0 if they are none. */
static int numeric(const char *host, const char *service, const cothread_connection_options *options, bool passive,
                   cothread_address *addresses, int room)
{
    int type = options->flags & COTHREAD_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM;
    int rc = system_numeric(host, service, options->family, type, passive, addresses, room);
    if (rc == -ENOENT)
        return 0;
    return rc < 0 ? refused("looking at the address failed with errno %lld", -rc) : rc;
}

/* resolve finds the addresses of a name, beginning anew if its wait was hastened for nothing. */
static int resolve(struct scheduler *s, cothread_handle handle, const char *host, const char *service,
                   const cothread_connection_options *options, cothread_address *addresses, int64_t deadline)
{
    cothread_hints hints = {.size = sizeof hints, .family = options->family, .type = options->flags & COTHREAD_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM};
    for (;;) {
        int why;
        struct connection *c = connection_connecting(s, handle, &why);
        if (!c)
            return why;
        int rc = name_resolve(s, host, service, &hints, addresses, ADDRESSES_MOST, connection_until(c, deadline));
        if (!connection_connecting(s, handle, &why))
            return why;
        if (rc != COTHREAD_ETIMEDOUT || deadline <= system_now())
            return rc < ADDRESSES_MOST ? rc : ADDRESSES_MOST;
    }
}

cothread_handle connect_by_name(struct scheduler *s, const char *host, const char *service, const cothread_connection_options *options,
                                int64_t deadline)
{
    int rc, stale;
    struct connection *c = connection_begin(s, options, COTHREAD_STATE_RESOLVING, &rc);
    if (!c)
        return rc;
    cothread_handle handle = connection_handle(s, c);
    cothread_address *addresses = hold(s, ADDRESSES_MOST * sizeof *addresses);
    rc = addresses ? numeric(host, service, options, false, addresses, ADDRESSES_MOST) : fail(COTHREAD_ENOMEM, "no memory for addresses");
    if (rc == 0)
        rc = resolve(s, handle, host, service, options, addresses, deadline);
    if (rc > 0) {
        handle = connect_begun(s, handle, addresses, (size_t)rc, options->flags & COTHREAD_DATAGRAM, deadline);
    } else {
        int error = errno;
        c = handle_object(&s->handles, KIND_CONNECTION, handle, &stale);
        if (c)
            connection_give_up(s, c, rc == COTHREAD_ENAME ? ENOENT : ETIMEDOUT);
        handle = rc;
        errno = error;
    }
    let_go(addresses);
    return handle;
}

/* unix_address finds the address of a path. */
static int unix_address(const char *path, cothread_address *address)
{
    int rc = system_unix_address(path, address);
    return rc == -ENAMETOOLONG ? fail(COTHREAD_EINVAL, "path is longer than 107 bytes")
           : rc < 0            ? fail(COTHREAD_EINVAL, "path is empty")
                               : 0;
}

cothread_handle connect_to_path(struct scheduler *s, const char *path, const cothread_connection_options *options, int64_t deadline)
{
    cothread_address address;
    int rc = unix_address(path, &address);
    return rc < 0 ? rc : connect_to(s, &address, 1, options, deadline);
}

/* ---- For hosts ---------------------------------------------------------------------------------------------- */

/* What a host task asked for. A task of the library's own connects, and hands over what came of it if the other still waits. */
struct connecting {
    struct wait *wait; /* the host task's; NULL: it waits no more */
    cothread_handle task;
    int64_t deadline;
    const char *service; /* NULL: `host` is a path */
    char host[];
};

/* connect_adopted connects by whichever way was asked for. Returns the handle of an adopted descriptor. */
static cothread_handle connect_adopted(struct scheduler *s, const char *host, const char *service, int64_t deadline)
{
    static const cothread_connection_options options = {.size = sizeof options};
    errno = 0;
    cothread_handle made = service ? connect_by_name(s, host, service, &options, deadline) : connect_to_path(s, host, &options, deadline);
    return made > 0 ? connection_strip(s, made) : made;
}

/* put leaves in a wait what its entry of the batch brings, and returns the reason. */
static int put(struct wait *w, cothread_handle made)
{
    bool of_the_system = made == COTHREAD_ESYSTEM || made == COTHREAD_ELIMIT || made == COTHREAD_ENOMEM;
    w->value = made > 0 ? (uint64_t)made : of_the_system ? (uint64_t)errno : 0;
    return made > 0 ? 0 : (int)made;
}

static void *connects(void *argument)
{
    struct connecting *asked = argument;
    struct scheduler *s = scheduler_current;
    cothread_handle made = asked->wait ? connect_adopted(s, asked->host, asked->service, asked->deadline) : 0;
    if (asked->wait)
        wait_end(s, asked->wait, put(asked->wait, made));
    else if (made > 0)
        close_adopted(s, made);
    let_go(asked);
    return NULL;
}

int connect_for_host(struct scheduler *s, struct wait *w, const cothread_request *request)
{
    const char *host = (const char *)(uintptr_t)request->object, *service = (const char *)(uintptr_t)request->value;
    if (!host)
        return fail(COTHREAD_EINVAL, "object of COTHREAD_CONNECT is 0: the address of a host's name, or of a path");
    if (request->deadline == COTHREAD_NOW) /* one try needs no task, and is not to wait for its turn */
        return put(w, connect_adopted(s, host, service, COTHREAD_NOW));
    size_t host_size = strlen(host) + 1, service_size = service ? strlen(service) + 1 : 0;
    struct connecting *asked = hold(s, sizeof *asked + host_size + service_size);
    if (!asked)
        return fail(COTHREAD_ENOMEM, "no memory to connect");
    asked->wait = w;
    asked->deadline = request->deadline;
    memcpy(asked->host, host, host_size);
    if (service)
        asked->service = memcpy(asked->host + host_size, service, service_size);
    asked->task = task_spawn(s, connects, asked, &(cothread_task_options){.flags = COTHREAD_DETACHED, .name = "connect"});
    if (asked->task < 0) {
        int error = (int)asked->task;
        let_go(asked);
        return error;
    }
    w->connecting = asked;
    return WOULD_WAIT;
}

void connect_leave(struct scheduler *s, struct wait *w)
{
    struct connecting *asked = w->connecting;
    asked->wait = NULL;
    w->value = 0;
    task_cancel(s, asked->task);
}

void connect_forget(struct scheduler *s, const struct wait *w)
{
    close_adopted(s, (cothread_handle)w->value);
}

/* ---- Listening ---------------------------------------------------------------------------------------------- */

/* listen_at makes a listener of one address; if the system refuses, *error is why and the result is 0. */
static cothread_handle listen_at(struct scheduler *s, const cothread_address *address, const cothread_connection_options *options, int *error)
{
    bool datagram = options->flags & COTHREAD_DATAGRAM;
    struct system_descriptor socket;
    int rc = system_socket(&socket, address->family, datagram ? SOCK_DGRAM : SOCK_STREAM, address->protocol);
    *error = -rc;
    if (rc < 0)
        return 0;
    rc = system_listen(&socket, address, datagram ? 0 : options->backlog ? options->backlog : INT32_MAX);
    *error = -rc;
    struct connection *c = rc < 0 ? NULL : connection_begin(s, options, 0, &rc);
    if (!c) {
        system_close(&socket);
        return *error ? 0 : rc;
    }
    cothread_handle adopted = adopted_enter(s, &socket);
    if (adopted < 0) {
        system_close(&socket);
        object_free(&s->handles, KIND_CONNECTION, c);
        return adopted;
    }
    cothread_handle handle = connection_handle(s, c);
    if (address->family == AF_UNIX)
        connection_owns_file(c);
    connection_open(s, c, adopted, datagram, !datagram);
    return handle;
}

cothread_handle connect_listen(struct scheduler *s, const char *host, const char *service, const cothread_connection_options *options)
{
    cothread_address addresses[LISTENS_MOST];
    int error = 0, count = numeric(host, service, options, true, addresses, LISTENS_MOST);
    if (count <= 0)
        return count < 0 ? count : fail(COTHREAD_ENAME, "the host and the service are no numbers");
    for (int pass = 0; pass < 2; pass++) { /* of all addresses that of IPv6 comes first: it is IPv4's too */
        for (int i = 0; i < count; i++) {
            bool late = !host && addresses[i].family != AF_INET6;
            cothread_handle listener = late == pass ? listen_at(s, &addresses[i], options, &error) : 0;
            if (listener)
                return listener;
        }
    }
    return refused("listening failed with errno %lld", error);
}

cothread_handle connect_listen_at_path(struct scheduler *s, const char *path, const cothread_connection_options *options)
{
    cothread_address address;
    int error, rc = unix_address(path, &address);
    if (rc < 0)
        return rc;
    cothread_handle listener = listen_at(s, &address, options, &error);
    if (error == EADDRINUSE && system_unix_remove(&address) == 0)
        listener = listen_at(s, &address, options, &error);
    if (listener < 0)
        system_unix_remove(&address); /* it was made before that failed */
    return listener ? listener : refused("listening failed with errno %lld", error);
}
