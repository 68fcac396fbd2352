/* Random waits for several things at a time, and a model that knows the right answer. A worker is a native or a host task.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is taken is accounted for one by one: an element, an event's value, a unit, a mutex. Of a condition the model
 * knows when it last held: one that is reported did so since the wait began. */
#ifndef RANDOM_ITEMS_H
#define RANDOM_ITEMS_H

#include <fcntl.h>
#include <stdbool.h>

#include "test.h"
#include "random.h"

#define CHECK(condition)                                                  \
    do {                                                                  \
        if (!(condition))                                                 \
            fail_at(__FILE__, __LINE__, "wait %lld: %s does not hold; last error: %s", (long long)waits_done, #condition, cothread_last_error()); \
    } while (0)

static int64_t step = 1; /* the model's time */
static int64_t waits_done, waits_wanted;

/* ---- Elements: each has a number, and is received once if it was sent -------------------------------------------- */

enum { NUMBERS = 1 << 16 };
enum { OFFERED = 1, SENT = 2, RECEIVED = 4 };
static uint8_t elements[NUMBERS];
static int64_t next_number, on_the_way; /* sent, and not received */

static int64_t offer(void) {
    do
        next_number = (next_number + 1) % NUMBERS;
    while (elements[next_number]);
    elements[next_number] = OFFERED;
    return next_number;
}

static void settle(int64_t number, int bit) {
    CHECK(elements[number] & OFFERED && !(elements[number] & bit));
    on_the_way += bit == SENT ? 1 : -1;
    if ((elements[number] |= bit) == (OFFERED | SENT | RECEIVED))
        elements[number] = 0;
}

static void refuse(int64_t number) {
    CHECK(elements[number] == OFFERED); /* else it went out with a send that failed */
    elements[number] = 0;
}

/* ---- Objects ------------------------------------------------------------------------------------------------------- */

enum { CHANNELS = 7, EVENTS = 4, MANUALS = 2, SEMAPHORES = 2, MUTEXES = 3, TIMERS = 3, CHILDREN = 6, GROUPS = 2, PAIRS = 4, PASSING = 4 };
enum { UNITS = 3 };

static struct channel {
    cothread_handle handle;
    size_t size;
    int64_t balance;   /* of empty elements: sent, less received */
    int64_t closed;    /* when one of its name was closed last */
} channels[CHANNELS]; /* the last is closed and made anew now and then */
static const size_t sizes[CHANNELS] = {8, 8, 100, 100, 0, 0, 8}, capacities[CHANNELS] = {0, 3, 0, 3, 0, 3, 0};

static struct event {
    cothread_handle handle;
    uint64_t pending;  /* 0: none */
    int64_t closed;
} events[EVENTS]; /* the last is closed and made anew */
enum { HANDED = 1, MAYBE = 2 };
static uint8_t handed[NUMBERS]; /* values that a waiter was handed and has not told of; or may have taken before the next came */
static int64_t handed_count;
static uint64_t next_value;

static struct {
    cothread_handle handle;
    bool set;
    int64_t held; /* when it was last seen set */
} manuals[MANUALS];

static struct {
    cothread_handle handle;
    int out;
} semaphores[SEMAPHORES];

static struct {
    cothread_handle handle;
    const void *owner;
    bool abandoned;
} mutexes[MUTEXES];

static struct {
    cothread_handle handle;
    int64_t deadline, period, before_deadline, before_period, set; /* set at step `set`, and the setting before */
    int64_t serial, closed;
} timers[TIMERS]; /* the last is closed and made anew */

static struct {
    cothread_handle handle, event;
    uint64_t result; /* when it ends */
    bool ended, detached;
    int64_t held;
} children[CHILDREN];

static struct {
    cothread_handle handle;
    uint32_t members, ended;
} groups[GROUPS];

static struct {
    int fd, peer; /* fd is waited for */
    cothread_handle adopted;
    int bytes;
    int64_t held, woken; /* readable at that step; cothread_wake_fd */
} pairs[PAIRS]; /* the second half is adopted, if that can be done here */

static void open_channel(int i) {
    channels[i].handle = handle(cothread_channel_create(sizes[i], capacities[i], 0));
    channels[i].size = sizes[i];
}

static void open_objects(void) {
    for (int i = 0; i < CHANNELS; i++)
        open_channel(i);
    for (int i = 0; i < EVENTS; i++)
        events[i] = (struct event){.handle = handle(cothread_event_create(0))};
    for (int i = 0; i < MANUALS; i++)
        manuals[i].handle = handle(cothread_event_create(COTHREAD_MANUAL_RESET)), manuals[i].set = false;
    for (int i = 0; i < SEMAPHORES; i++)
        semaphores[i].handle = handle(cothread_semaphore_create(UNITS, 0));
    for (int i = 0; i < MUTEXES; i++)
        mutexes[i].handle = handle(cothread_mutex_create(0)), mutexes[i].abandoned = false;
    for (int i = 0; i < TIMERS; i++)
        timers[i].handle = handle(cothread_timer_create(0)), timers[i].deadline = timers[i].before_deadline = COTHREAD_FOREVER;
    for (int i = 0; i < GROUPS; i++)
        groups[i].handle = handle(cothread_group_create(0)), groups[i].members = groups[i].ended = 0;
    for (int i = 0; i < PAIRS; i++) {
        int fds[2];
        expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        pairs[i].fd = fds[0], pairs[i].peer = fds[1], pairs[i].bytes = 0, pairs[i].adopted = 0;
        if (i >= PAIRS / 2 && (pairs[i].adopted = cothread_adopt(fds[0], 0)) < 0)
            pairs[i].adopted = 0; /* the tick half of tests/sanitize adopts none */
    }
}

/* ---- What happens beside the waits ----------------------------------------------------------------------------------- */

static void *child(void *argument) {
    int i = (int)(intptr_t)argument;
    int rc = cothread_event_wait(children[i].event, NULL, cothread_after((int64_t)below(2000) * COTHREAD_MICROSECOND));
    CHECK(rc == 0 || rc == COTHREAD_ETIMEDOUT || rc == COTHREAD_ECANCELED);
    children[i].ended = true;
    children[i].held = ++step;
    return (void *)(uintptr_t)children[i].result;
}

static void bear(int i) {
    children[i].event = handle(cothread_event_create(0));
    children[i].result = ++next_value;
    children[i].ended = false;
    children[i].detached = below(3) == 0;
    children[i].handle = spawn(child, (void *)(intptr_t)i);
    if (children[i].detached)
        expect(cothread_detach(children[i].handle), 0);
}

static void bury(int i) {
    void *result;
    if (!children[i].handle)
        return;
    CHECK(children[i].ended);
    children[i].held = ++step;
    if (!children[i].detached) {
        expect(cothread_join(children[i].handle, &result, COTHREAD_NOW), 0); /* whoever watched it did not join it */
        CHECK((uint64_t)(uintptr_t)result == children[i].result);
    }
    expect(cothread_close(children[i].event), 0);
    children[i].handle = 0;
}

static void *member(void *argument) {
    int i = (int)(intptr_t)argument;
    int rc = cothread_sleep_until(cothread_after((int64_t)below(1000) * COTHREAD_MICROSECOND));
    CHECK(rc == 0 || rc == COTHREAD_ECANCELED);
    groups[i].ended++;
    step++;
    return NULL;
}

static void forget_pending(int i) {
    if (events[i].pending)
        handed[events[i].pending] = MAYBE;
    events[i].pending = 0;
}

static void signal_event(int i) {
    uint64_t value = next_value = next_value % (NUMBERS - 1) + 1;
    if (handed[value] == HANDED)
        return;
    handed[value] = 0;
    int woken = cothread_event_signal(events[i].handle, (void *)(uintptr_t)value);
    CHECK(woken == 0 || woken == 1);
    if (woken)
        handed[value] = HANDED, handed_count++;
    else
        forget_pending(i), events[i].pending = value;
}

static void took_value(int i, uint64_t value) {
    if (value == events[i].pending && value) {
        events[i].pending = 0;
        return;
    }
    CHECK(value < NUMBERS && handed[value]);
    handed_count -= handed[value] == HANDED;
    handed[value] = 0;
}

static void set_timer(int i) {
    int64_t deadline = below(8) == 0 ? COTHREAD_FOREVER : cothread_after((int64_t)below(300) * COTHREAD_MICROSECOND);
    int64_t period = below(2) ? 0 : 1 + (int64_t)below(200) * COTHREAD_MICROSECOND;
    timers[i].before_deadline = timers[i].deadline, timers[i].before_period = timers[i].period;
    CHECK(cothread_timer_set(timers[i].handle, deadline, period) >= 0);
    timers[i].deadline = deadline;
    timers[i].period = period;
    timers[i].set = ++step;
    timers[i].serial++;
}

static void touch_pair(int i) {
    char bytes[8];
    int64_t n;
    if (below(2)) {
        n = send(pairs[i].peer, "abcdefgh", 1 + below(3), MSG_DONTWAIT);
        CHECK(n > 0 || errno == EAGAIN);
    } else if (pairs[i].adopted) {
        n = cothread_read(pairs[i].adopted, bytes, 1 + below(8), COTHREAD_NOW);
        CHECK(n > 0 || n == COTHREAD_ETIMEDOUT);
    } else {
        n = recv(pairs[i].fd, bytes, 1 + below(8), MSG_DONTWAIT);
        CHECK(n > 0 || errno == EAGAIN);
    }
    if (recv(pairs[i].fd, bytes, 1, MSG_DONTWAIT | MSG_PEEK) == 1)
        pairs[i].bytes = 1;
    else {
        if (pairs[i].bytes)
            pairs[i].held = step; /* up to here */
        pairs[i].bytes = 0;
        step++;
    }
}

/* happen does something random that no worker waits for. From a task or a host's own stack. */
static void happen(void) {
    int i;
    step++;
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
        signal_event((int)below(EVENTS));
        break;
    case 3:
        i = (int)below(MANUALS);
        if (manuals[i].set)
            manuals[i].held = step;
        manuals[i].set = below(3) == 0;
        if (manuals[i].set)
            CHECK(cothread_event_signal(manuals[i].handle, (void *)(uintptr_t)(100 + i)) >= 0);
        else
            CHECK(cothread_event_reset(manuals[i].handle) >= 0);
        if (manuals[i].set)
            manuals[i].held = step;
        step++;
        break;
    case 4:
    case 5:
        set_timer((int)below(TIMERS));
        break;
    case 6:
    case 7:
        touch_pair((int)below(PAIRS));
        break;
    case 8:
        i = (int)below(CHILDREN);
        if (!children[i].handle)
            bear(i);
        else if (children[i].ended)
            bury(i);
        else
            CHECK(cothread_event_signal(children[i].event, NULL) >= 0);
        break;
    case 9:
        i = (int)below(GROUPS);
        if (groups[i].members - groups[i].ended < 3) {
            groups[i].members++;
            expect(cothread_group_add(groups[i].handle, spawn(member, (void *)(intptr_t)i)), 0);
        }
        break;
    case 10:
        i = (int)below(PAIRS / 2);
        if (below(4) == 0) {
            pairs[i].woken = step;
            CHECK(cothread_wake_fd(pairs[i].fd) >= 0);
        }
        break;
    default:
        switch (below(12)) {
        case 0:
            i = CHANNELS - 1;
            channels[i].closed = ++step;
            expect(cothread_close(channels[i].handle), 0);
            open_channel(i);
            break;
        case 1:
            i = EVENTS - 1;
            events[i].closed = ++step;
            forget_pending(i);
            expect(cothread_close(events[i].handle), 0);
            events[i].handle = handle(cothread_event_create(0));
            break;
        case 2:
            i = TIMERS - 1;
            timers[i].closed = ++step;
            expect(cothread_close(timers[i].handle), 0);
            timers[i].handle = handle(cothread_timer_create(0));
            timers[i].before_deadline = timers[i].deadline, timers[i].before_period = timers[i].period;
            timers[i].deadline = COTHREAD_FOREVER;
            timers[i].set = step;
            timers[i].serial++;
        }
    }
}

/* ---- A worker's wait ---------------------------------------------------------------------------------------------------- */

enum { MOST = 12 };
struct worker {
    cothread_handle task;
    int64_t began;
    uint32_t flags;
    int count;
    cothread_item items[MOST];
    int which[MOST];         /* of the objects of its kind */
    int64_t numbers[MOST];   /* offered */
    char memory[MOST][104];
    bool deadlock;           /* it asks for a mutex it holds */
    int mutex, semaphore;    /* held, or -1 */
    int64_t told[TIMERS], told_serial[TIMERS], now_told[TIMERS]; /* of each timer: its last expiry, of which setting */
    int64_t serial[TIMERS];         /* the settings when the wait began */
};

static void compose_item(struct worker *w, int i) {
    cothread_item *item = &w->items[i];
    int n = 0;
again:
    memset(item, 0, sizeof *item);
    item->tag = (uint64_t)i;
    item->fired = item->value = 77; /* to be left alone by a call that fails */
    item->result = 77;
    item->kind = 1 + (uint32_t)below(10);
    switch (item->kind) {
    case COTHREAD_ITEM_FD:
        n = (int)below(PAIRS / 2);
        item->object = pairs[n].fd;
        item->want = COTHREAD_READABLE | (below(40) == 0 ? COTHREAD_WRITABLE : 0);
        break;
    case COTHREAD_ITEM_READY:
        n = PAIRS / 2 + (int)below(PAIRS / 2);
        if (!pairs[n].adopted)
            goto again;
        item->object = pairs[n].adopted;
        item->want = COTHREAD_READABLE;
        break;
    case COTHREAD_ITEM_TASK:
        n = (int)below(CHILDREN);
        if (!children[n].handle || (children[n].ended && (children[n].detached || below(4))))
            goto again;
        item->object = children[n].handle;
        w->numbers[i] = (int64_t)(children[n].detached ? 0 : children[n].result);
        break;
    case COTHREAD_ITEM_GROUP:
        n = (int)below(GROUPS);
        if (groups[n].members == groups[n].ended && below(20))
            goto again;
        item->object = groups[n].handle;
        item->want = groups[n].ended + 1 + (uint32_t)below(3);
        break;
    case COTHREAD_ITEM_EVENT:
        n = (int)below(EVENTS + MANUALS);
        item->object = n < EVENTS ? events[n].handle : manuals[n - EVENTS].handle;
        break;
    case COTHREAD_ITEM_RECEIVE:
        n = (int)below(CHANNELS);
        item->object = channels[n].handle;
        memset(w->memory[i], 0x55, sizeof w->memory[i]);
        item->element = w->memory[i];
        break;
    case COTHREAD_ITEM_SEND:
        n = (int)below(CHANNELS);
        item->object = channels[n].handle;
        item->element = w->memory[i];
        if (channels[n].size) {
            w->numbers[i] = offer();
            memset(w->memory[i], (int)(w->numbers[i] & 127), sizeof w->memory[i]);
            memcpy(w->memory[i], &w->numbers[i], sizeof w->numbers[i]);
        }
        break;
    case COTHREAD_ITEM_ACQUIRE:
        n = (int)below(SEMAPHORES);
        if (w->semaphore >= 0)
            goto again;
        item->object = semaphores[n].handle;
        break;
    case COTHREAD_ITEM_LOCK:
        n = (int)below(MUTEXES);
        if (w->mutex >= 0 && (n != w->mutex || below(50)))
            goto again;
        item->object = mutexes[n].handle;
        w->deadlock |= n == w->mutex;
        break;
    default:
        n = (int)below(TIMERS);
        item->object = timers[n].handle;
    }
    w->which[i] = n;
}

static void compose(struct worker *w) {
    w->count = 1 + (int)below(below(2) ? 3 : MOST);
    w->flags = below(4) == 0 ? COTHREAD_ALL : below(4) == 0 ? COTHREAD_ONE : 0;
    w->deadlock = false;
    for (int i = 0; i < w->count; i++)
        compose_item(w, i);
    for (int n = 0; n < TIMERS; n++) {
        w->serial[n] = timers[n].serial;
        w->now_told[n] = 0;
    }
    w->began = ++step;
}

static bool expiry_is_right(int64_t value, int64_t deadline, int64_t period) {
    return value == deadline || (period && value > deadline && (value - deadline) % period == 0);
}

static void check_fired(struct worker *w, int i) {
    const cothread_item *item = &w->items[i];
    int n = w->which[i], held = 0;
    int64_t number;
    if (item->result < 0) { /* it became impossible since the wait began */
        CHECK(item->value == 0);
        switch (item->kind) {
        case COTHREAD_ITEM_FD:
            CHECK(item->result == COTHREAD_ECLOSED && pairs[n].woken > w->began);
            break;
        case COTHREAD_ITEM_EVENT:
            CHECK(item->result == COTHREAD_ECLOSED && n < EVENTS && events[n].closed > w->began);
            break;
        case COTHREAD_ITEM_TIMER:
            CHECK(item->result == COTHREAD_ECLOSED && timers[n].closed > w->began);
            break;
        case COTHREAD_ITEM_SEND:
            if (channels[n].size)
                refuse(w->numbers[i]);
            CHECK(item->result == COTHREAD_ECLOSED && channels[n].closed > w->began);
            break;
        case COTHREAD_ITEM_RECEIVE:
            CHECK(item->result == COTHREAD_ECLOSED && channels[n].closed > w->began);
            break;
        case COTHREAD_ITEM_LOCK: /* twice in the list, and it takes from all */
            for (int k = 0; k < w->count; k++)
                held |= k != i && w->items[k].kind == COTHREAD_ITEM_LOCK && w->which[k] == n && w->items[k].fired && w->items[k].result >= 0;
            CHECK(item->result == COTHREAD_EDEADLK && w->flags == COTHREAD_ALL && held);
            break;
        default:
            CHECK(!"an error of this kind");
        }
        return;
    }
    switch (item->kind) {
    case COTHREAD_ITEM_FD:
    case COTHREAD_ITEM_READY:
        CHECK(item->result && !(item->result & ~(int)item->want));
        if (item->result & COTHREAD_READABLE)
            CHECK(pairs[n].bytes || pairs[n].held >= w->began);
        break;
    case COTHREAD_ITEM_TASK:
        CHECK(item->result == 0 && (int64_t)item->value == w->numbers[i]);
        CHECK((children[n].handle == item->object && children[n].ended) || children[n].held >= w->began);
        break;
    case COTHREAD_ITEM_GROUP:
        CHECK((uint32_t)item->result <= groups[n].ended && (item->result >= (int)item->want || item->result >= 0));
        break;
    case COTHREAD_ITEM_EVENT:
        CHECK(item->result == 0);
        if (n < EVENTS)
            took_value(n, item->value);
        else
            CHECK(item->value == (uint64_t)(100 + n - EVENTS) && (manuals[n - EVENTS].set || manuals[n - EVENTS].held >= w->began));
        break;
    case COTHREAD_ITEM_SEND:
        CHECK(item->result == 0);
        if (channels[n].size)
            settle(w->numbers[i], SENT);
        else
            channels[n].balance++;
        break;
    case COTHREAD_ITEM_RECEIVE:
        CHECK(item->result == 0);
        if (channels[n].size) {
            memcpy(&number, w->memory[i], sizeof number);
            CHECK(number >= 0 && number < NUMBERS);
            for (size_t k = sizeof number; k < channels[n].size; k++)
                CHECK(w->memory[i][k] == (char)(number & 127));
            settle(number, RECEIVED);
        } else {
            channels[n].balance--;
        }
        break;
    case COTHREAD_ITEM_ACQUIRE:
        CHECK(item->result == 0 && ++semaphores[n].out <= UNITS);
        if (w->semaphore >= 0) { /* COTHREAD_ALL may take several */
            semaphores[n].out--;
            expect(cothread_semaphore_release(semaphores[n].handle, 1), 0);
        } else {
            w->semaphore = n;
        }
        break;
    case COTHREAD_ITEM_LOCK:
        CHECK(!mutexes[n].owner && item->result == mutexes[n].abandoned);
        mutexes[n].abandoned = false;
        mutexes[n].owner = w;
        break;
    default:
        CHECK(item->result >= 1 && (int64_t)item->value <= cothread_now());
        CHECK(expiry_is_right((int64_t)item->value, timers[n].deadline, timers[n].period) ||
              (timers[n].set > w->began && (timers[n].serial - w->serial[n] > 1 ||
                                            expiry_is_right((int64_t)item->value, timers[n].before_deadline, timers[n].before_period))));
        if (w->told_serial[n] == timers[n].serial)
            CHECK((int64_t)item->value > w->told[n]); /* each expiry once */
        w->now_told[n] = (int64_t)item->value > w->now_told[n] ? (int64_t)item->value : w->now_told[n];
    }
}

/* check is for a wait that ended with `rc`, and whose items say what fired. */
static void check(struct worker *w, int rc) {
    int fired = 0, taken = 0;
    waits_done++;
    step++;
    if (rc < 0) {
        CHECK(rc == COTHREAD_ETIMEDOUT || rc == COTHREAD_ECANCELED || (rc == COTHREAD_EDEADLK && w->deadlock));
        for (int i = 0; i < w->count; i++) {
            CHECK(w->items[i].fired == 77 && w->items[i].value == 77 && w->items[i].result == 77);
            if (w->items[i].kind == COTHREAD_ITEM_SEND && channels[w->which[i]].size)
                refuse(w->numbers[i]);
        }
        return;
    }
    CHECK(!w->deadlock);
    for (int i = 0; i < w->count; i++) {
        cothread_item *item = &w->items[i];
        CHECK(item->tag == (uint64_t)i && item->fired <= 1);
        fired += (int)item->fired;
        if (item->fired) {
            taken += item->result >= 0 && item->kind >= COTHREAD_ITEM_EVENT && item->kind <= COTHREAD_ITEM_LOCK &&
                     !(item->kind == COTHREAD_ITEM_EVENT && w->which[i] >= EVENTS);
            check_fired(w, i);
        } else {
            CHECK(item->result == 0 && item->value == 0);
            if (item->kind == COTHREAD_ITEM_SEND && channels[w->which[i]].size)
                refuse(w->numbers[i]);
            else if (item->kind == COTHREAD_ITEM_RECEIVE)
                for (size_t k = 0; k < sizeof w->memory[i]; k++)
                    CHECK(w->memory[i][k] == 0x55);
        }
    }
    for (int n = 0; n < TIMERS; n++)
        if (w->now_told[n]) {
            w->told[n] = w->now_told[n];
            w->told_serial[n] = timers[n].set < w->began ? timers[n].serial : -1; /* else it may be of the setting before */
        }
    CHECK(fired == rc && fired > 0);
    CHECK(taken <= 1 || w->flags & COTHREAD_ALL);
    CHECK(fired == 1 || !(w->flags & COTHREAD_ONE));
}

static int64_t some_deadline(void) {
    return below(4) == 0 ? COTHREAD_NOW : cothread_after((int64_t)below(200) * COTHREAD_MICROSECOND);
}

static void begin_worker(struct worker *w) {
    memset(w, 0, sizeof *w);
    w->mutex = w->semaphore = -1;
}

/* hold notes which of the mutexes that it took a worker keeps; it gives the others back by `unlock`. */
static void hold(struct worker *w, void (*unlock)(struct worker *w, int n)) {
    for (int n = 0; n < MUTEXES; n++)
        if (mutexes[n].owner == w && w->mutex != n) {
            if (w->mutex < 0)
                w->mutex = n;
            else
                unlock(w, n);
        }
}

static void let_go(struct worker *w, void (*unlock)(struct worker *w, int n)) {
    if (w->semaphore >= 0 && below(2)) {
        semaphores[w->semaphore].out--;
        expect(cothread_semaphore_release(semaphores[w->semaphore].handle, 1), 0);
        w->semaphore = -1;
    }
    if (w->mutex >= 0 && below(2)) {
        unlock(w, w->mutex);
        w->mutex = -1;
    }
}

/* end_worker is for a task that ends: what it holds of a semaphore it gives back, its mutexes it may keep. */
static void end_worker(struct worker *w, void (*unlock)(struct worker *w, int n)) {
    if (w->semaphore >= 0) {
        semaphores[w->semaphore].out--;
        expect(cothread_semaphore_release(semaphores[w->semaphore].handle, 1), 0);
    }
    if (w->mutex >= 0 && below(2))
        unlock(w, w->mutex);
    else if (w->mutex >= 0)
        mutexes[w->mutex].owner = NULL, mutexes[w->mutex].abandoned = true;
}

/* ---- Native workers ---------------------------------------------------------------------------------------------------------- */

static void unlock_here(struct worker *w, int n) {
    CHECK(mutexes[n].owner == w);
    mutexes[n].owner = NULL;
    expect(cothread_mutex_unlock(mutexes[n].handle), 0);
}

/* One wait by a call for one thing, on the same objects. */
static int wait_singly(struct worker *w) {
    int rc, n;
    void *value;
    char memory[104];
    int64_t number, began = ++step;
    switch (below(6)) {
    case 0:
        n = (int)below(EVENTS - 1);
        if ((rc = cothread_event_wait(events[n].handle, &value, some_deadline())) == 0)
            took_value(n, (uint64_t)(uintptr_t)value);
        break;
    case 1:
        n = (int)below(CHANNELS - 1);
        number = channels[n].size ? offer() : 0;
        memset(memory, (int)(number & 127), sizeof memory);
        memcpy(memory, &number, sizeof number);
        rc = cothread_channel_send(channels[n].handle, memory, some_deadline());
        if (channels[n].size && rc == 0)
            settle(number, SENT);
        else if (channels[n].size)
            refuse(number);
        else
            channels[n].balance += rc == 0;
        break;
    case 2:
        n = (int)below(CHANNELS - 1);
        rc = cothread_channel_receive(channels[n].handle, memory, some_deadline());
        if (rc == 0 && channels[n].size) {
            memcpy(&number, memory, sizeof number);
            CHECK(number >= 0 && number < NUMBERS);
            settle(number, RECEIVED);
        } else {
            channels[n].balance -= rc == 0;
        }
        break;
    case 3:
        n = (int)below(PAIRS);
        rc = pairs[n].adopted ? cothread_wait_ready(pairs[n].adopted, COTHREAD_READABLE, some_deadline())
                              : cothread_wait_fd(pairs[n].fd, COTHREAD_READABLE, some_deadline());
        if (rc == COTHREAD_ECLOSED) {
            CHECK(pairs[n].woken > began);
            rc = 0;
        } else if (rc >= 0) {
            CHECK(rc == COTHREAD_READABLE && (pairs[n].bytes || pairs[n].held >= began));
            rc = 0;
        }
        break;
    case 4:
        n = (int)below(SEMAPHORES);
        if ((rc = cothread_semaphore_acquire(semaphores[n].handle, some_deadline())) == 0) {
            CHECK(++semaphores[n].out <= UNITS);
            rc = below(2) ? cothread_yield() : 0;
            semaphores[n].out--;
            expect(cothread_semaphore_release(semaphores[n].handle, 1), 0);
        }
        break;
    default:
        n = (int)below(MUTEXES);
        if (w->mutex >= 0)
            return 0;
        if ((rc = cothread_mutex_lock(mutexes[n].handle, some_deadline())) >= 0) {
            CHECK(!mutexes[n].owner && rc == mutexes[n].abandoned);
            mutexes[n].abandoned = false;
            mutexes[n].owner = w;
            w->mutex = n;
            rc = 0;
        }
    }
    CHECK(rc == 0 || rc == COTHREAD_ETIMEDOUT || rc == COTHREAD_ECANCELED);
    return rc;
}

static void *native_worker(void *argument) {
    struct worker *w = argument;
    int rc = 0;
    while (rc != COTHREAD_ECANCELED && waits_done < waits_wanted) {
        let_go(w, unlock_here);
        switch (below(8)) {
        case 0:
            rc = wait_singly(w);
            break;
        case 1:
        case 2:
            happen();
            break;
        case 3:
            rc = cothread_yield();
            break;
        default:
            compose(w);
            rc = cothread_wait(w->items, sizeof *w->items, (size_t)w->count, some_deadline(), w->flags);
            check(w, rc);
            hold(w, unlock_here);
        }
    }
    end_worker(w, unlock_here);
    return NULL;
}

/* ---- The end of a round --------------------------------------------------------------------------------------------------------- */

/* Every task but main has ended. Nothing is left over, and nothing is missing. */
static void close_objects(void) {
    char memory[104];
    void *value;
    int64_t number;
    for (int i = 0; i < CHANNELS; i++) {
        while (cothread_channel_receive(channels[i].handle, memory, COTHREAD_NOW) == 0) {
            memcpy(&number, memory, sizeof number);
            if (channels[i].size)
                settle(number, RECEIVED);
            else
                channels[i].balance--;
        }
        CHECK(channels[i].balance == 0);
        expect(cothread_close(channels[i].handle), 0);
    }
    CHECK(on_the_way == 0);
    for (int i = 0; i < NUMBERS; i++)
        CHECK(elements[i] == 0);
    for (int i = 0; i < EVENTS; i++) {
        if (cothread_event_wait(events[i].handle, &value, COTHREAD_NOW) == 0)
            took_value(i, (uint64_t)(uintptr_t)value);
        CHECK(events[i].pending == 0);
        expect(cothread_close(events[i].handle), 0);
    }
    CHECK(handed_count == 0);
    memset(handed, 0, sizeof handed);
    for (int i = 0; i < SEMAPHORES; i++) {
        CHECK(semaphores[i].out == 0);
        for (int k = 0; k < UNITS; k++)
            expect(cothread_semaphore_acquire(semaphores[i].handle, COTHREAD_NOW), 0);
        expect(cothread_semaphore_acquire(semaphores[i].handle, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
        expect(cothread_close(semaphores[i].handle), 0);
    }
    for (int i = 0; i < MUTEXES; i++) {
        CHECK(!mutexes[i].owner);
        expect(cothread_close(mutexes[i].handle), 0); /* refused if it is held */
    }
    for (int i = 0; i < MANUALS; i++)
        expect(cothread_close(manuals[i].handle), 0);
    for (int i = 0; i < TIMERS; i++)
        expect(cothread_close(timers[i].handle), 0);
    for (int i = 0; i < CHILDREN; i++)
        bury(i);
    for (int i = 0; i < GROUPS; i++) {
        CHECK(groups[i].members == groups[i].ended);
        expect(cothread_close(groups[i].handle), 0);
    }
    for (int i = 0; i < PAIRS; i++) {
        expect(send(pairs[i].peer, "x", 1, 0), 1);
        if (pairs[i].adopted) {
            expect(cothread_wait_ready(pairs[i].adopted, COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_READABLE);
            expect(cothread_close(pairs[i].adopted), 0);
        } else { /* nobody is ahead any more */
            expect(cothread_wait_fd(pairs[i].fd, COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_READABLE);
            close(pairs[i].fd);
        }
        close(pairs[i].peer);
    }
}

#endif
