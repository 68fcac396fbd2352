/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/time.h>

/* Several schedulers, each on its own thread, self-driven or hosted, do random things with everything the header has, while
 * other threads and a signal handler post. Objects are closed under those that wait, and made again. Whatever the order:
 * every element is received once or was in a channel when that was closed; every value of a mailbox or an auto-reset event
 * arrives once, or is replaced or dropped; every accepted callback runs once; units are conserved; a mutex has one owner,
 * and tells of one that ended; no wait ends twice; and at the end nothing lives. The choices follow from the seed, the
 * deadlines fall as the machine likes. usage: NAME [SEED [SEEDS]] */
enum { TASKS = 60, STEPS = 60, HOST_TASKS = 40, SCHEDULERS = 3, PLACES = 3, INCARNATIONS = 4000, ELEMENTS = 1 << 16 };
enum { BIGGEST = 65536 };
#ifdef __SANITIZE_THREAD__ /* the tick half of tests/sanitize, which knows no list */
enum { WAYS_TO_DRIVE = 2 };
#else
enum { WAYS_TO_DRIVE = 3 };
#endif

struct channel {
    cothread_handle handle;
    size_t size, capacity;
    int64_t sent, received;
    int closed;
};
struct mutex {
    cothread_handle handle;
    int owner, abandoned; /* owner: 1 and the task's number */
};
struct semaphore {
    cothread_handle handle;
    int64_t units, held;
};
struct event {
    cothread_handle handle;
    int manual;
};
struct mailbox { /* posted by other threads: only the callback's side is the scheduler's */
    _Atomic int64_t handle;
};
enum { UNUSED, OFFERED, SENT, REFUSED, TAKEN = 16 }; /* of an element: bit 4, it was received */

struct host_task {
    cothread_handle handle;
    int waits;           /* operation; 0: it runs */
    int replaced;        /* a plain wait was requested in its place: 1; or it was withdrawn: 2 */
    int cancelled;
    struct channel *channel;
    struct mutex *mutex;
    struct semaphore *semaphore;
    int64_t element;
    char *buffer;
    int turns;
    int holds;
};

struct world {
    uint64_t random;
    cothread_handle scheduler, tasks[TASKS];
    cothread_handle sockets[PLACES];
    int peers[PLACES], pipes[PLACES][2], living;
    int64_t written[PLACES], got[PLACES];
    struct channel incarnations[INCARNATIONS], *channels[PLACES];
    int made;
    struct mutex *mutexes[PLACES];
    struct semaphore *semaphores[PLACES];
    struct event *events[PLACES];
    struct mailbox mailboxes[PLACES];
    uint8_t elements[ELEMENTS]; /* by identity */
    uint8_t values[ELEMENTS];   /* of events: 1 signalled, 2 received */
    int64_t element, value;
    cothread_ring *ring;
    struct host_task hosts[HOST_TASKS];
    int host_left, hosted, ending;
    _Atomic int64_t accepted, ran, mailbox_posted, mailbox_gone, mailbox_ran, mailbox_dropped;
    _Atomic int stop;
    struct mutex all_mutexes[INCARNATIONS];
    int mutexes_made;
    struct semaphore all_semaphores[INCARNATIONS];
    int semaphores_made;
    struct event all_events[INCARNATIONS];
    int events_made;
};
static _Thread_local struct world *w;

static uint64_t below(uint64_t limit) {
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (w->random >> 11) % limit;
}

static int64_t some_deadline(void) {
    switch (below(8)) {
    case 0: return COTHREAD_NOW;
    case 1: return cothread_after(-(int64_t)below(1000000));
    case 2: return 1;
    case 3: return COTHREAD_FOREVER;
    default: return cothread_after((int64_t)below(400) * COTHREAD_MICROSECOND);
    }
}
static int64_t soon(void) {
    return cothread_after((int64_t)below(400) * COTHREAD_MICROSECOND);
}

#define one_of(list) ((list)[below(PLACES)])
#define allowed(rc) allowed_at(__LINE__, (int)(rc))
static int allowed_at(int line, int rc) {
    if (rc < 0 && rc != COTHREAD_ETIMEDOUT && rc != COTHREAD_ECANCELED && rc != COTHREAD_ECLOSED)
        fail_at(__FILE__, line, "a call gave %d (%s): %s", rc, cothread_strerror(rc), cothread_last_error());
    return rc;
}

/* ---- What is shared ------------------------------------------------------------------------------------- */

static void make_channel(int place) {
    static const size_t sizes[] = {0, 1, 8, 8, 9, 16, 64, 1000, 4096, 65536};
    struct channel *c = &w->incarnations[w->made++];
    expect(w->made < INCARNATIONS, 1);
    c->size = sizes[below(sizeof sizes / sizeof *sizes)];
    c->capacity = below(4);
    c->handle = handle(cothread_channel_create(c->size, c->capacity, 0));
    w->channels[place] = c;
}
static void make_mutex(int place) {
    struct mutex *m = &w->all_mutexes[w->mutexes_made++];
    expect(w->mutexes_made < INCARNATIONS, 1);
    m->handle = handle(cothread_mutex_create(0));
    w->mutexes[place] = m;
}
static void make_semaphore(int place) {
    struct semaphore *m = &w->all_semaphores[w->semaphores_made++];
    expect(w->semaphores_made < INCARNATIONS, 1);
    m->units = (int64_t)below(4);
    m->handle = handle(cothread_semaphore_create((uint32_t)m->units, 0));
    w->semaphores[place] = m;
}
static void make_event(int place) {
    struct event *e = &w->all_events[w->events_made++];
    expect(w->events_made < INCARNATIONS, 1);
    e->manual = below(4) == 0;
    e->handle = handle(cothread_event_create(e->manual ? COTHREAD_MANUAL_RESET : 0));
    w->events[place] = e;
}

static void close_channel(int place, int again) {
    expect(cothread_close(w->channels[place]->handle), 0);
    w->channels[place]->closed = 1;
    if (again)
        make_channel(place);
}

/* An element says in its first bytes which it is, and in the others too. */
static int64_t fill(struct channel *c, unsigned char *element) {
    int64_t id = ++w->element;
    expect(id < ELEMENTS, 1);
    w->elements[id] = OFFERED;
    memset(element, (int)(id * 37 & 255), c->size);
    if (c->size >= 8)
        memcpy(element, &id, 8);
    return id;
}
static void sent(struct channel *c, int64_t id, int rc) {
    if (rc == 0)
        c->sent++;
    w->elements[id] = (uint8_t)((w->elements[id] & TAKEN) | (rc == 0 ? SENT : REFUSED));
    expect(w->elements[id] != (TAKEN | REFUSED), 1);
}
static void received(struct channel *c, const unsigned char *element) {
    int64_t id = 0;
    c->received++;
    if (c->size < 8)
        return;
    memcpy(&id, element, 8);
    expect(id > 0 && id <= w->element, 1);
    expect(w->elements[id] == OFFERED || w->elements[id] == SENT, 1); /* not received before, nor refused */
    w->elements[id] |= TAKEN;
    for (size_t i = 8; i < c->size; i++)
        if (element[i] != (id * 37 & 255))
            fail_at(__FILE__, __LINE__, "byte %zu of an element of %zu is another's", i, c->size);
}
static void event_received(struct event *e, int64_t value) {
    expect(value > 0 && value <= w->value, 1);
    expect(e->manual || w->values[value] == 1, 1);
    w->values[value] = 2;
}
static void locked(struct mutex *m, int who, int rc) {
    expect(m->owner, 0);
    expect(rc, m->abandoned);
    m->owner = who;
    m->abandoned = 0;
}

/* ---- Tasks ------------------------------------------------------------------------------------------------ */

static void *child(void *unused) {
    cothread_sleep(below(2) ? 0 : (int64_t)below(200) * COTHREAD_MICROSECOND);
    w->living--;
    return unused;
}

static void callback(void *argument) {
    struct world *of = argument;
    of->ran++;
    if (w && below(8) == 0)
        cothread_sleep(COTHREAD_MICROSECOND);
}

static void mailbox_callback(void *value) {
    (void)value;
    w->mailbox_ran++;
    if (below(8) == 0)
        cothread_yield();
}

static int use_group(void) {
    cothread_handle group = handle(cothread_group_create(0));
    int count = (int)below(5), i, rc, was;
    for (i = 0; i < count; i++) {
        cothread_handle t = cothread_spawn(child, NULL, NULL);
        if (t == COTHREAD_EDEAD)
            break;
        handle(t);
        w->living++;
        expect(cothread_group_add(group, t), 0);
    }
    count = i;
    if (below(3) == 0)
        expect(cothread_group_cancel(group), count);
    rc = allowed(cothread_group_wait(group, (uint32_t)below(5), some_deadline()));
    expect(rc <= count, 1);
    was = cothread_shield(1);
    if (below(2))
        expect(cothread_group_wait(group, 0, COTHREAD_FOREVER), count);
    cothread_shield(was);
    expect(cothread_close(group), 0);
    return rc < 0 ? rc : 0;
}

static int use_descriptor(void) {
    char bytes[3000];
    int place = (int)below(PLACES);
    int64_t n;
    memset(bytes, 1, sizeof bytes);
    switch (below(7)) {
    case 0: /* a report wakes one reader */
        n = cothread_read(w->sockets[place], bytes, 1 + below(sizeof bytes), some_deadline());
        if (n > 0)
            w->got[place] += n;
        return n < 0 ? allowed(n) : 0;
    case 1:
        n = send(w->peers[place], bytes, 1 + below(sizeof bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            w->written[place] += n;
        return 0;
    case 2:
        n = cothread_write(w->sockets[place], bytes, 1 + below(sizeof bytes), some_deadline());
        return n < 0 ? allowed(n) : 0;
    case 3:
        while (recv(w->peers[place], bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            continue;
        return 0;
    case 4:
        return allowed(cothread_wait_ready(w->sockets[place], below(2) ? COTHREAD_READABLE : COTHREAD_WRITABLE, some_deadline())) < 0;
    case 5:
        n = allowed(cothread_wait_fd(w->pipes[place][0], COTHREAD_READABLE, some_deadline()));
        if (n > 0 && below(2))
            n = read(w->pipes[place][0], bytes, 1); /* non-blocking */
        return 0;
    default:
        if (below(20) == 0) {
            expect(cothread_wake_fd(w->pipes[place][0]) >= 0, 1);
            return 0;
        }
        n = write(w->pipes[place][1], bytes, 1);
        return 0;
    }
}

static void close_something(void) {
    int place = (int)below(PLACES);
    switch (below(5)) {
    case 0: close_channel(place, 1); break;
    case 1:
        if (cothread_close(w->mutexes[place]->handle) == 0) {
            expect(w->mutexes[place]->owner, 0);
            make_mutex(place);
        }
        break;
    case 2:
        expect(cothread_close(w->semaphores[place]->handle), 0);
        make_semaphore(place);
        break;
    case 3:
        expect(cothread_close(w->events[place]->handle), 0);
        make_event(place);
        break;
    default:
        if (below(2))
            cothread_channel_done(w->channels[place]->handle);
        else {
            cothread_handle old = w->mailboxes[place].handle;
            w->mailboxes[place].handle = handle(cothread_mailbox_create(mailbox_callback, 0, 0));
            expect(cothread_close(old), 0);
            w->mailbox_dropped++;
        }
    }
}

static int step(int me) {
    unsigned char element[4096], *memory = element;
    struct channel *c;
    struct mutex *m;
    struct semaphore *units;
    struct event *e;
    void *value;
    int64_t id;
    int rc, i;
    switch (below(20)) {
    case 0: case 1: case 2:
        c = one_of(w->channels);
        if (c->size > sizeof element)
            memory = malloc(c->size);
        id = fill(c, memory);
        rc = allowed(cothread_channel_send(c->handle, memory, some_deadline()));
        sent(c, id, rc);
        if (memory != element) {
            memset(memory, 0xdd, c->size);
            free(memory);
        }
        return rc;
    case 3: case 4: case 5:
        c = one_of(w->channels);
        if (c->size > sizeof element)
            memory = malloc(c->size);
        memset(memory, 0xee, c->size);
        if ((rc = allowed(cothread_channel_receive(c->handle, memory, some_deadline()))) == 0)
            received(c, memory);
        else
            for (size_t at = 0; at < c->size; at++)
                expect(memory[at], 0xee);
        if (memory != element)
            free(memory);
        return rc;
    case 6: case 7:
        m = one_of(w->mutexes);
        if ((rc = allowed(cothread_mutex_lock(m->handle, some_deadline()))) < 0)
            return rc;
        locked(m, me + 1, rc);
        rc = below(2) ? cothread_sleep(below(2) ? 0 : (int64_t)below(50) * COTHREAD_MICROSECOND) : 0;
        expect(m->owner, me + 1);
        if (below(100) == 0) {
            m->owner = 0;
            m->abandoned = 1;
            return COTHREAD_ECANCELED; /* ends holding it; before anybody else runs */
        }
        m->owner = 0;
        expect(cothread_mutex_unlock(m->handle), 0);
        return rc;
    case 8: case 9:
        units = one_of(w->semaphores);
        if ((rc = allowed(cothread_semaphore_acquire(units->handle, some_deadline()))) < 0)
            return rc;
        expect(++units->held <= units->units, 1);
        rc = below(2) ? cothread_yield() : 0;
        units->held--;
        i = cothread_semaphore_release(units->handle, 1);
        expect(i == 0 || i == COTHREAD_EHANDLE, 1);
        return rc;
    case 10:
        e = one_of(w->events);
        if ((rc = allowed(cothread_event_wait(e->handle, &value, some_deadline()))) == 0)
            event_received(e, (int64_t)(intptr_t)value);
        return rc;
    case 11: case 12:
        e = one_of(w->events);
        id = ++w->value;
        expect(id < ELEMENTS, 1);
        w->values[id] = 1;
        expect(cothread_event_signal(e->handle, (void *)(intptr_t)id) >= 0, 1);
        if (e->manual || below(10) == 0)
            expect(cothread_event_reset(e->handle) >= 0, 1);
        return 0;
    case 13: return use_group();
    case 14: case 15: return use_descriptor();
    case 16:
        if (below(4) == 0)
            close_something();
        return 0;
    case 17:
        i = (int)below(TASKS);
        if (below(60) == 0)
            cothread_cancel(w->tasks[i]);
        else if (below(4) == 0 && w->hosted) {
            i = (int)below(HOST_TASKS);
            if (below(30) == 0 && w->hosts[i].handle)
                cothread_cancel(w->hosts[i].handle);
        } else
            cothread_wakeup(w->tasks[i]);
        return 0;
    case 18: {
        int was = cothread_shield(1);
        rc = below(2) ? cothread_sleep((int64_t)below(100) * COTHREAD_MICROSECOND) : cothread_wait_until(soon());
        expect(rc == 0 || rc == COTHREAD_ETIMEDOUT, 1);
        cothread_shield(was);
        return 0;
    }
    default: return below(2) ? cothread_yield() : allowed(cothread_wait_until(some_deadline()));
    }
}

static void *task(void *number) {
    int i;
    for (i = 0; i < STEPS && step((int)(intptr_t)number) != COTHREAD_ECANCELED; i++)
        continue;
    w->living--;
    return number;
}

/* ---- Host tasks --------------------------------------------------------------------------------------------- */

static void ask(int i, cothread_request r) {
    struct host_task *h = &w->hosts[i];
    r.task = h->handle;
    w->ring->requests[w->ring->request_count++] = r;
}

static void next_request(int i) {
    struct host_task *h = &w->hosts[i];
    cothread_request r = {.fd = -1, .deadline = some_deadline()};
    h->replaced = 0;
    if (h->holds) {
        h->mutex->owner = 0;
        h->holds = 0;
        ask(i, (cothread_request){.operation = COTHREAD_UNLOCK, .object = h->mutex->handle});
    }
    if (h->turns-- <= 0 || w->ending || h->cancelled) {
        ask(i, (cothread_request){.operation = COTHREAD_FINISH, .value = i});
        h->handle = 0;
        w->host_left--;
        return;
    }
    h->channel = one_of(w->channels);
    h->semaphore = one_of(w->semaphores);
    h->mutex = one_of(w->mutexes);
    switch (below(7)) {
    case 0: case 1:
        r.operation = COTHREAD_WAIT_SEND;
        r.object = h->channel->handle;
        h->element = fill(h->channel, (unsigned char *)h->buffer);
        r.value = (int64_t)(intptr_t)h->buffer;
        break;
    case 2: case 3:
        r.operation = COTHREAD_WAIT_RECEIVE;
        r.object = h->channel->handle;
        memset(h->buffer, 0xee, 64);
        r.value = (int64_t)(intptr_t)h->buffer;
        break;
    case 4:
        r.operation = COTHREAD_WAIT_ACQUIRE;
        r.object = h->semaphore->handle;
        break;
    case 5:
        r.operation = COTHREAD_WAIT_LOCK;
        r.object = h->mutex->handle;
        break;
    default:
        r.operation = COTHREAD_WAIT;
        if (below(2)) {
            r.fd = w->pipes[below(PLACES)][0];
            r.object = COTHREAD_READABLE;
        }
    }
    h->waits = r.operation;
    ask(i, r);
    if (r.operation == COTHREAD_WAIT_SEND && (below(2))) { /* the element is copied when the request is taken */
        cothread_submit();
        memset(h->buffer, 0xdd, h->channel->size);
    }
}

/* In the place of a wait that is under way: a plain one, or none. A served wait wins: its entry comes with reason 0. */
static void replace(int i) {
    struct host_task *h = &w->hosts[i];
    cothread_request r = {.operation = COTHREAD_WAIT, .fd = -1, .deadline = soon()};
    if (below(2))
        r.operation = COTHREAD_WITHDRAW;
    h->replaced = r.operation;
    ask(i, r);
}

static void served(int i, const cothread_ready *entry) {
    struct host_task *h = &w->hosts[i];
    int rc = entry->reason;
    expect(h->waits != 0, 1);
    if (rc == COTHREAD_EHANDLE)
        rc = COTHREAD_ECLOSED; /* closed between the request and its turn */
    if (rc != COTHREAD_EOWNER)
        allowed(rc);
    if (rc == COTHREAD_ECANCELED)
        h->cancelled = 1;
    switch (h->waits) {
    case COTHREAD_WAIT_SEND: sent(h->channel, h->element, rc); break;
    case COTHREAD_WAIT_RECEIVE:
        if (rc == 0)
            received(h->channel, (unsigned char *)h->buffer);
        break;
    case COTHREAD_WAIT_ACQUIRE:
        if (rc == 0)
            expect(h->semaphore->held + 1 <= h->semaphore->units, 1);
        if (rc == 0)
            cothread_semaphore_release(h->semaphore->handle, 1);
        break;
    case COTHREAD_WAIT_LOCK:
        if (rc == 0) {
            locked(h->mutex, 1000 + i, (int)entry->value);
            h->holds = 1;
        }
        break;
    }
    h->waits = 0;
}

static void drive(int64_t until) {
    do {
        int i, count;
        for (i = 0; i < HOST_TASKS; i++)
            if (w->hosts[i].waits && !w->hosts[i].replaced && (below(12) == 0 || w->ending))
                replace(i);
        if (w->hosted == 2) {
            cothread_pollfd list[PLACES * 4 + 8];
            count = cothread_poll_list(list, PLACES * 4 + 8);
            expect(count >= 1 && count <= PLACES * 4 + 8, 1);
            if (poll((struct pollfd *)(void *)list, (nfds_t)count, 0) >= 0)
                expect(cothread_poll_deliver(list, count), 0);
        }
        count = cothread_poll_scheduler(soon());
        expect(count >= 0, 1);
        for (i = 0; i < count; i++) {
            cothread_ready *entry = &w->ring->ready[i];
            if (entry->reason == COTHREAD_POSTED)
                continue;
            served((int)entry->token, entry);
        }
        for (i = 0; i < HOST_TASKS; i++) {
            struct host_task *h = &w->hosts[i];
            if (h->waits && h->replaced == COTHREAD_WITHDRAW) { /* no entry: it took nothing */
                if (h->waits == COTHREAD_WAIT_SEND)
                    sent(h->channel, h->element, COTHREAD_ECANCELED);
                h->waits = 0;
            }
            if (!h->waits && h->handle)
                next_request(i);
        }
    } while (cothread_now() < until && (w->living > 0 || w->host_left > 0));
}

/* ---- Other threads -------------------------------------------------------------------------------------------- */

static struct world *worlds[SCHEDULERS];
static _Atomic int64_t targets[SCHEDULERS]; /* for the signal handler */
static _Atomic int64_t storms;

static void on_alarm(int number) {
    int saved = errno;
    (void)number;
    int i = (int)(storms++ % SCHEDULERS);
    int64_t target = targets[i];
    if (target && storms % 5 == 0) {
        worlds[i]->accepted++;
        if (cothread_post(target, callback, worlds[i], COTHREAD_NOW) != 0)
            worlds[i]->accepted--;
    }
    if (target && storms % 50 == 0)
        (void)cothread_interrupt(target);
    errno = saved;
}

static void *poster(void *argument) {
    struct world *of = argument;
    uint64_t random = (uint64_t)of->scheduler;
    int64_t value = 0;
    while (!of->stop) {
        int rc;
        random = random * 6364136223846793005u + 1442695040888963407u;
        if (random >> 63) {
            of->accepted++;
            rc = cothread_post(of->scheduler, callback, of, random >> 62 & 1 ? COTHREAD_NOW : cothread_after(100000));
            if (rc != 0) {
                of->accepted--;
                if (rc != COTHREAD_EFULL && rc != COTHREAD_ETIMEDOUT && rc != COTHREAD_EDEAD)
                    fail_at(__FILE__, __LINE__, "post gave %d", rc);
            }
        } else {
            void *replaced = NULL;
            rc = cothread_mailbox_post(of->mailboxes[(random >> 40) % PLACES].handle, (void *)(intptr_t)++value, &replaced);
            if (rc >= 0)
                of->mailbox_posted++;
            if (rc == 1) {
                expect(replaced != NULL, 1);
                of->mailbox_gone++;
            } else {
                expect(replaced == NULL, 1);
            }
        }
        for (int i = 0; i < 200; i++)
            random = random * 6364136223846793005u + 1442695040888963407u;
        sched_yield();
    }
    return NULL;
}

static void *whole(void *argument) {
    cothread_options options = {.size = sizeof options};
    pthread_t thread;
    int i, fds[2];
    w = argument;
    w->hosted = (int)below(WAYS_TO_DRIVE);
    options.flags = w->hosted == 2 ? COTHREAD_HOSTED | COTHREAD_HOST_POLLS : w->hosted ? COTHREAD_HOSTED : 0;
    options.callback_bound = 1u << below(8);
    options.callback_budget = 1u + (uint32_t)below(20);
    options.stack_size = 65536;
    options.timer_slack = 1u + (uint32_t)below(1000000);
    w->scheduler = handle(cothread_create(&options));
    for (i = 0; i < PLACES; i++) {
        make_channel(i);
        make_mutex(i);
        make_semaphore(i);
        make_event(i);
        w->mailboxes[i].handle = handle(cothread_mailbox_create(mailbox_callback, 0, 0));
        w->sockets[i] = adopted_pair(fds);
        w->peers[i] = fds[1];
        expect(pipe2(w->pipes[i], O_NONBLOCK), 0);
    }
    for (i = 0; i < SCHEDULERS; i++)
        if (worlds[i] == w)
            targets[i] = w->scheduler;
    expect(pthread_create(&thread, NULL, poster, w), 0);
    for (i = 0; i < TASKS; i++) {
        w->living++;
        w->tasks[i] = spawn(task, (void *)(intptr_t)i);
    }
    if (w->hosted) {
        w->ring = cothread_host_ring();
        for (i = 0; i < HOST_TASKS; i++) {
            struct host_task *h = &w->hosts[i];
            h->handle = handle(cothread_host_create((uint64_t)i, NULL, 0));
            h->buffer = malloc(BIGGEST);
            h->turns = 40;
            w->host_left++;
            next_request(i);
        }
        drive(cothread_after(40 * COTHREAD_MILLISECOND));
    } else {
        int64_t until = cothread_after(40 * COTHREAD_MILLISECOND);
        int rc;
        while ((rc = cothread_run(until)) == COTHREAD_EINTR)
            continue;
        expect(rc == 0 || rc == COTHREAD_ETIMEDOUT, 1);
    }
    for (i = 0; i < TASKS; i++)
        expect(cothread_cancel(w->tasks[i]), 0);
    w->ending = 1;
    if (w->hosted)
        drive(COTHREAD_FOREVER);
    else
        while (cothread_run(COTHREAD_FOREVER) == COTHREAD_EINTR)
            continue;
    expect(w->living, 0);
    w->stop = 1;
    for (i = 0; i < TASKS; i++) {
        void *result;
        expect(cothread_join(w->tasks[i], &result, COTHREAD_NOW), 0);
        expect((intptr_t)result, i);
    }
    expect(pthread_join(thread, NULL), 0);
    for (i = 0; i < SCHEDULERS; i++)
        if (worlds[i] == w)
            targets[i] = 0;
    if (w->hosted) {
        while (cothread_submit() > 0)
            continue;
        for (i = 0; i < HOST_TASKS; i++)
            free(w->hosts[i].buffer);
    }
    static _Thread_local unsigned char element[BIGGEST];
    for (i = 0; i < PLACES; i++) {
        struct channel *c = w->channels[i];
        char bytes[4096];
        int64_t n;
        while (cothread_channel_receive(c->handle, element, COTHREAD_NOW) == 0)
            received(c, element);
        expect(c->received, c->sent);
        close_channel(i, 0);
        for (n = 0; n < w->semaphores[i]->units; n++)
            expect(cothread_semaphore_acquire(w->semaphores[i]->handle, COTHREAD_NOW), 0);
        expect(cothread_semaphore_acquire(w->semaphores[i]->handle, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        expect(cothread_close(w->semaphores[i]->handle), 0);
        expect(cothread_close(w->mutexes[i]->handle), 0); /* nobody holds it */
        expect(cothread_close(w->events[i]->handle), 0);
        while ((n = cothread_read(w->sockets[i], bytes, sizeof bytes, COTHREAD_NOW)) > 0)
            w->got[i] += n;
        expect(n, COTHREAD_ETIMEDOUT);
        expect(w->got[i], w->written[i]);
        expect(cothread_close(w->sockets[i]), 0);
        close(w->peers[i]);
        close(w->pipes[i][0]);
        close(w->pipes[i][1]);
        expect(cothread_close(w->mailboxes[i].handle), 0);
    }
    for (i = 0; i < w->made; i++) { /* what a close dropped was in the channel */
        struct channel *c = &w->incarnations[i];
        expect(c->received <= c->sent && c->sent <= c->received + (int64_t)c->capacity, 1);
    }
    cothread_stats stats = statistics(w->scheduler);
    expect(stats.tasks_ended + stats.events + stats.channels + stats.mutexes + stats.semaphores + stats.groups + stats.adopted +
               stats.mailboxes, 0);
    expect(cothread_destroy(w->scheduler, COTHREAD_FOREVER), 0);
    expect(w->ran, w->accepted);
    /* The rest was pending in a mailbox that was closed. */
    int64_t dropped = w->mailbox_posted - w->mailbox_gone - w->mailbox_ran;
    expect(dropped >= 0 && dropped <= w->mailbox_dropped + PLACES, 1);
    return NULL;
}

int main(int argc, char **argv) {
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1, seeds = argc > 2 ? strtoull(argv[2], NULL, 0) : 12;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerval storm = {{0, 500}, {0, 500}};
    pthread_t threads[SCHEDULERS];
    int i;
    expect(sigaction(SIGALRM, &action, NULL), 0);
    for (; seeds-- > 0; seed++) {
        if (argc > 1)
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        for (i = 0; i < SCHEDULERS; i++) {
            worlds[i] = calloc(1, sizeof *worlds[i]);
            worlds[i]->random = (seed * SCHEDULERS + (uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
        }
        expect(setitimer(ITIMER_REAL, &storm, NULL), 0);
        for (i = 0; i < SCHEDULERS; i++)
            expect(pthread_create(&threads[i], NULL, whole, worlds[i]), 0);
        for (i = 0; i < SCHEDULERS; i++)
            expect(pthread_join(threads[i], NULL), 0);
        expect(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL), 0);
        for (i = 0; i < SCHEDULERS; i++)
            free(worlds[i]);
    }
    return 0;
}
