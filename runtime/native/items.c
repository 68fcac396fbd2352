/* items.c - one task waits for several things.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The items are copied into a block of the scheduler's, each with a wait of its own, and looked at. If nothing fires, all
 * these waits are listed, and the task suspends in a wait of its own, which has the deadline. The first that is served ends
 * it (wait_end_part): those that take then leave their lists, and conditions stay in theirs, where they may still come true
 * until the task goes on. It then looks at what nobody tells of: timers, descriptors, and what it may still take. */
#include "items.h"

#include <stdio.h>

#include "../../system/descriptors.h"
#include "../../system/system.h"
#include "adopted.h"
#include "channel.h"
#include "connection.h"
#include "descriptors.h"
#include "event.h"
#include "group.h"
#include "mutex.h"
#include "semaphore.h"
#include "tasks.h"
#include "timer.h"
#include "wait.h"
#include "watches.h"

#define ITEMS_MAX (1u << (ITEMS_CLASSES - 1))

#define CONNECTABLE (COTHREAD_READABLE | COTHREAD_WRITABLE)

/* What each kind of item waits for. */
static const struct {
    uint32_t want; /* what `want` may have; 0: nothing */
    bool wants;    /* it must have something */
    uint8_t kind;  /* of the object */
    bool takes;
    bool way;      /* sends, watches: see struct wait */
    bool valued;   /* its wait's value is the caller's */
} sorts[] = {
    [COTHREAD_ITEM_FD]      = {.kind = KIND_NONE, .want = WAITABLE, .wants = true},
    [COTHREAD_ITEM_READY]   = {.kind = KIND_ADOPTED, .want = WAITABLE, .wants = true},
    [COTHREAD_ITEM_TASK]    = {.kind = KIND_TASK, .way = true, .valued = true},
    [COTHREAD_ITEM_GROUP]   = {.kind = KIND_GROUP, .want = UINT32_MAX},
    [COTHREAD_ITEM_EVENT]   = {.kind = KIND_EVENT, .takes = true, .valued = true}, /* with manual reset it is a condition */
    [COTHREAD_ITEM_RECEIVE] = {.kind = KIND_CHANNEL, .takes = true},
    [COTHREAD_ITEM_SEND]    = {.kind = KIND_CHANNEL, .takes = true, .way = true},
    [COTHREAD_ITEM_ACQUIRE] = {.kind = KIND_SEMAPHORE, .takes = true},
    [COTHREAD_ITEM_LOCK]    = {.kind = KIND_MUTEX, .takes = true},
    [COTHREAD_ITEM_TIMER]   = {.kind = KIND_TIMER, .valued = true},
    [COTHREAD_ITEM_SIGNAL]  = {.kind = KIND_SIGNAL, .takes = true, .valued = true},
    [COTHREAD_ITEM_FILE]    = {.kind = KIND_WATCH, .takes = true, .valued = true},
    [COTHREAD_ITEM_PROCESS] = {.kind = KIND_PROCESS, .valued = true},
    [COTHREAD_ITEM_JOB]     = {.kind = KIND_JOB, .valued = true},
    /* its wait stands in the list of its adopted descriptor */
    [COTHREAD_ITEM_CONNECTION] = {.kind = KIND_CONNECTION, .want = CONNECTABLE, .wants = true},
};
#define SORTS (sizeof sorts / sizeof *sorts)

static inline cothread_item *item_at(cothread_item *given, size_t size, size_t i)
{
    return (cothread_item *)(void *)((char *)given + i * size);
}

static inline bool is_descriptor(const struct item *item)
{
    return item->kind <= COTHREAD_ITEM_READY || item->kind == COTHREAD_ITEM_CONNECTION;
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

/* allocate returns a block for `count` items. */
static struct items *allocate(struct scheduler *s, uint32_t count)
{
    uint32_t class = count == 1 ? 0 : 32 - (uint32_t)__builtin_clz(count - 1);
    struct items *items = s->free_items[class];
    if (items) {
        s->free_items[class] = items->next_free;
    } else {
        if (!(items = system_allocate(1, sizeof *items + (sizeof *items->item << class)))) {
            fail(COTHREAD_ENOMEM, "no memory to wait for %lld items", count);
            return NULL;
        }
        items->class = class;
        items->next_made = s->items;
        s->items = items;
    }
    items->fired = items->next = 0;
    items->descriptors = items->numbers = items->timers = items->kept = 0;
    items->handed = items->reported = items->collected = false;
    return items;
}

static void give_back(struct scheduler *s, struct items *items)
{
    for (uint32_t i = 0; items->kept && i < items->count; i++)
        if (items->item[i].kind == COTHREAD_ITEM_SEND)
            channel_drop(s, items->item[i].element);
    items->next_free = s->free_items[items->class];
    s->free_items[items->class] = items;
}

void items_close(struct scheduler *s)
{
    for (struct items *items; (items = s->items);) {
        s->items = items->next_made;
        system_free(items);
    }
    memset(s->free_items, 0, sizeof s->free_items);
    system_free(s->looks);
    s->looks = NULL;
    s->looks_room = 0;
}

/* ---- Checking --------------------------------------------------------------------------------------------------- */

/* refused_item says which item is meant by the failure just recorded. */
static __attribute__((cold)) int refused_item(int rc, uint32_t i)
{
    char text[256];
    snprintf(text, sizeof text, "item %u: %s", i, native_last_error());
    return fail_text(rc, text);
}

static __attribute__((cold)) int refused_given(const cothread_item *given, size_t size)
{
    if (given->kind - 1 >= SORTS - 1)
        return fail(COTHREAD_EINVAL, "kind is %lld, and no kind of item", given->kind);
    if (given->kind == COTHREAD_ITEM_CONNECTION && (!given->want || given->want & ~CONNECTABLE))
        return fail(COTHREAD_EINVAL, "want is %lld: READABLE, WRITABLE or both", given->want);
    if (given->kind <= COTHREAD_ITEM_READY && (!given->want || given->want & ~WAITABLE))
        return fail(COTHREAD_EINVAL, "want is %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP", given->want);
    if (given->want & ~sorts[given->kind].want)
        return fail(COTHREAD_EINVAL, "want is %lld: 0 for this kind of item", given->want);
    while (!((const char *)given)[--size])
        ;
    return fail(COTHREAD_EINVAL, "byte %lld belongs to a field that this library does not know, and it is not 0", size);
}

static inline bool makes_sense(const cothread_item *given)
{
    const uint32_t kind = given->kind;
    return kind - 1 < SORTS - 1 && !(given->want & ~sorts[kind].want) && (given->want || !sorts[kind].wants);
}

/* check_given says whether an item makes sense at all. */
static inline int check_given(const cothread_item *given, size_t size)
{
    bool good = makes_sense(given);
    for (size_t i = sizeof *given; i < size; i++)
        good &= ((const char *)given)[i] == 0;
    return __builtin_expect(good, 1) ? 0 : refused_given(given, size);
}

/* copy_descriptor is copy_item for a descriptor by number. */
static inline int copy_descriptor(struct scheduler *s, const struct item *item, bool waits)
{
    int fd = (int)item->object;
    if (item->object != fd)
        return fail(COTHREAD_EBADF, "descriptor %lld is not open", item->object);
    return waits && __builtin_expect(!descriptor_ahead(s, fd), 0) ? descriptor_reserve(s, fd) : 0;
}

/* copy_item copies an item, and checks whether it can be waited for. */
static inline __attribute__((always_inline)) int copy_item(struct scheduler *s, struct items *items, struct task *t,
                                                           struct item *item, const cothread_item *given, size_t size)
{
    int rc = check_given(given, size);
    if (rc < 0)
        return rc;
    const uint32_t kind = given->kind;
    const enum kind of = (enum kind)sorts[kind].kind;
    struct wait *w = &item->wait;
    w->list = NULL;
    w->count = given->want;
    w->task = t;
    w->events = 0;
    w->kind = (uint8_t)of;
    w->flags = (uint8_t)((w->flags & WAIT_ARMED) | items->wait_flags);
    w->sends = sorts[kind].way;
    w->directions = 0;
    item->object = given->object;
    item->element = given->element;
    item->result = 0;
    item->want = given->want;
    item->kind = (uint8_t)kind;
    item->takes = sorts[kind].takes;
    item->listed = item->fired = false;
    if (kind <= COTHREAD_ITEM_READY) {
        items->descriptors++;
        if (kind == COTHREAD_ITEM_FD) {
            items->numbers++;
            return copy_descriptor(s, item, t != NULL);
        }
    }
    void *object = handle_object(&s->handles, of, given->object, &rc);
    if (__builtin_expect(!object, 0))
        return rc;
    if (kinds[of].check && (rc = kinds[of].check(object, given->object, w, given->element)) < 0)
        return rc;
    switch (kind) {
    case COTHREAD_ITEM_EVENT: item->takes = !((struct event *)object)->manual; break;
    case COTHREAD_ITEM_TIMER: items->timers++; break;
    case COTHREAD_ITEM_CONNECTION:
        items->descriptors++;
        items->timers++; /* its state may have a limit */
        w->kind = KIND_ADOPTED;
        break;
    case COTHREAD_ITEM_SEND:
        if (items->wait_flags & WAIT_OF_HOST) {
            items->kept++;
            return channel_keep(s, object, &item->element);
        }
    }
    return 0;
}

static int copy_items(struct scheduler *s, struct items *items, struct task *t, cothread_item *given, size_t size, uint32_t count)
{
    int rc;
    items->wait_flags = WAIT_OF_ITEM | (t && t->flags & TASK_HOST ? WAIT_OF_HOST : 0);
    for (uint32_t i = 0; i < count; i++) {
        if ((rc = copy_item(s, items, t, &items->item[i], item_at(given, size, i), size)) < 0) {
            items->count = i;
            return refused_item(rc, i);
        }
    }
    items->count = count;
    return 0;
}

/* ---- Looking ---------------------------------------------------------------------------------------------------- */

/* adopted_of returns the adopted descriptor of an item; NULL: it is gone. */
static inline void *adopted_of(struct scheduler *s, const struct item *item)
{
    int stale;
    if (item->kind == COTHREAD_ITEM_READY)
        return handle_object(&s->handles, KIND_ADOPTED, item->object, &stale);
    struct connection *c = handle_object(&s->handles, KIND_CONNECTION, item->object, &stale);
    return c ? connection_adopted(c) : NULL;
}

/* ask puts a descriptor into the poll, if there is something that only the poll can tell; next is its place there. */
static inline void ask(struct scheduler *s, struct items *items, struct item *item, bool now, struct system_look **next)
{
    int fd = (int)item->object;
    uint32_t events = item->want;
    if (item->kind == COTHREAD_ITEM_FD) {
        if (items->reported) /* by a look at all of them, in this tick */
            return;
        events = descriptor_free(s, fd, events);
    } else {
        void *object = adopted_of(s, item);
        if (!object) {
            wait_fire(items, item, COTHREAD_ECLOSED);
            return;
        }
        item->wait.list = adopted_list(object, &item->wait);
        if (item->kind == COTHREAD_ITEM_CONNECTION && (item->result = (int)connection_known(s, item->object, events)) != 0)
            return;
        if ((fd = adopted_to_poll(object, events, now)) < 0)
            return;
    }
    *(*next)++ = (struct system_look){.fd = fd, .events = (uint16_t)events};
    item->polled = true;
}

/* answer puts what the poll found into `result`. */
static inline void answer(struct scheduler *s, struct item *item, const struct system_look *look)
{
    uint32_t found = look->found;
    if (found & SYSTEM_NOT_OPEN || look->fd < 0)
        item->result = fail(COTHREAD_EBADF, "descriptor %lld is not open", look->fd);
    else if (item->kind == COTHREAD_ITEM_READY)
        item->result = (int)adopted_polled(adopted_of(s, item), look->events, found);
    else if (item->kind == COTHREAD_ITEM_CONNECTION)
        item->result = (int)connection_found(item->want, adopted_polled(adopted_of(s, item), look->events, found));
    else
        item->result = (int)found;
}

static struct system_look *room_for_looks(struct scheduler *s, uint32_t count)
{
    if (count > s->looks_room) {
        void *grown = system_resize(s->looks, count * sizeof *s->looks);
        if (!grown)
            return NULL;
        s->looks = grown;
        s->looks_room = count;
    }
    return s->looks;
}

/* look_at_descriptors leaves in `result` of each descriptor that has not fired what it has, by one call for all of them. It
 * returns whether that may be anything, or an error. */
static int look_at_descriptors(struct scheduler *s, struct items *items, bool now, bool again)
{
    for (uint32_t i = 0; items->timers && i < items->count; i++) /* first: observers close what others would be asked for */
        if (items->item[i].kind == COTHREAD_ITEM_CONNECTION)
            connection_check_limit(s, items->item[i].object);
    struct system_look *looks = room_for_looks(s, items->descriptors), *next = looks;
    if (!looks)
        return fail(COTHREAD_ENOMEM, "no memory to look at %lld descriptors", items->descriptors);
    for (uint32_t i = 0; i < items->count; i++)
        if (is_descriptor(&items->item[i])) {
            items->item[i].polled = false;
            if (items->item[i].result >= 0)
                ask(s, items, &items->item[i], now, &next);
        }
    int rc = system_poll_all(looks, (uint32_t)(next - looks));
    if (rc == 0 && items->numbers == items->count)
        return 0;
    if (rc < 0 && !again)
        return fail(COTHREAD_ESYSTEM, "looking at the descriptors failed with errno %lld", -rc);
    for (uint32_t i = 0; looks < next; i++) {
        struct item *item = &items->item[i];
        if (!is_descriptor(item) || !item->polled)
            continue;
        if (rc < 0) {
            item->result = COTHREAD_ESYSTEM;
            item->wait.value = (uint64_t)-rc;
        } else {
            answer(s, item, looks);
        }
        looks++;
        if (item->result < 0 && !again)
            return refused_item(item->result, i);
    }
    return 1;
}

/* try_item takes what an item asks for, if it is there; else its wait is prepared. */
static inline int try_item(struct scheduler *s, const struct items *items, struct item *item, bool again)
{
    int rc;
    struct wait *w = &item->wait;
    if (is_descriptor(item))
        return item->result ? item->result : WOULD_WAIT;
    if (item->listed && item->kind != COTHREAD_ITEM_TIMER)
        return WOULD_WAIT; /* it would have been told */
    void *object = handle_object(&s->handles, (enum kind)w->kind, item->object, &rc);
    if (!object)
        return COTHREAD_ECLOSED; /* since the wait began */
    const struct kind_row *row = &kinds[w->kind];
    if ((again || items->handed) && row->check && (rc = row->check(object, item->object, w, item->element)) < 0)
        return rc; /* by what it or another task took since the wait began */
    rc = row->try(s, object, w, item->element);
    if (rc == WOULD_WAIT)
        w->list = row->list(object, w);
    return rc;
}

/* look looks at all items that have not fired. Without COTHREAD_ALL it takes from one at most, beginning anywhere, so that one
 * that always has something starves none. `now`: the task cannot wait. `again`: it goes on. Returns 0, or why it cannot be
 * done: nothing was taken then. */
static int look(struct scheduler *s, struct items *items, bool now, bool again)
{
    const bool all = items->flags & COTHREAD_ALL, one = items->flags & COTHREAD_ONE;
    int rc;
    if (items->reported && items->numbers == items->count) /* by that all is known */
        return 0;
    if (items->descriptors && (rc = look_at_descriptors(s, items, now, again)) <= 0)
        return rc;
    s->chance = s->chance * 1664525 + 1013904223;
    uint32_t i = (uint32_t)((uint64_t)s->chance * items->count >> 32);
    for (int pass = 0; pass <= all; pass++) { /* of all, sends come last: a task is not to receive what it sends */
        for (uint32_t n = 0; n < items->count; n++, i = i + 1 == items->count ? 0 : i + 1) {
            struct item *item = &items->item[i];
            if (one && items->fired)
                return 0;
            if (item->fired || (item->takes && items->handed && !all) || (all && (item->kind == COTHREAD_ITEM_SEND) != pass))
                continue;
            rc = try_item(s, items, item, again);
            if (rc == WOULD_WAIT || (rc == COTHREAD_ENOMEM && items->fired)) /* that one need not wait */
                continue;
            if (rc < 0 && !again && !items->fired && item->kind != COTHREAD_ITEM_PROCESS) /* there it is how one ended */
                return refused_item(rc, i);
            wait_fire(items, item, rc);
        }
    }
    return 0;
}

/* ---- Waiting ----------------------------------------------------------------------------------------------------- */

/* begin suspends a task whose items were looked at: it lists the waits that stand in no list. */
static void begin(struct scheduler *s, struct task *t, struct items *items)
{
    int64_t deadline = items->deadline;
    items->reported = false;
    for (uint32_t i = 0; i < items->count; i++) {
        struct item *item = &items->item[i];
        struct wait *w = &item->wait;
        if (item->kind == COTHREAD_ITEM_FD) {
            item->wakes = descriptor_wakes(s, (int)item->object);
            descriptor_list(s, w, (int)item->object, item->want);
            continue;
        }
        if (item->kind == COTHREAD_ITEM_CONNECTION && connection_due(s, item->object) < deadline)
            deadline = connection_due(s, item->object);
        if (is_descriptor(item))
            adopted_expect(s, wait_object(w), item->want);
        else if (item->kind == COTHREAD_ITEM_TIMER && timer_next(wait_object(w)) < deadline)
            deadline = timer_next(wait_object(w));
        if (!item->listed)
            wait_list_append(w->list, w);
        item->listed = true;
    }
    t->wait.items = items;
    wait_enter(s, t, KIND_ITEMS, NULL, deadline);
}

/* unlist ends all waits: nothing fires any more. */
static void unlist(struct scheduler *s, struct items *items)
{
    for (uint32_t i = 0; i < items->count; i++)
        wait_leave_item(s, &items->item[i]);
}

/* leave_descriptors ends the waits for descriptors by number, which the tick half keeps. */
static void leave_descriptors(struct scheduler *s, struct items *items)
{
    for (uint32_t i = 0; items->numbers && i < items->count; i++) {
        struct item *item = &items->item[i];
        if (item->kind != COTHREAD_ITEM_FD)
            continue;
        if (descriptor_wakes(s, (int)item->object) != item->wakes) {
            wait_fire(items, item, COTHREAD_ECLOSED);
            item->result = COTHREAD_ECLOSED; /* whatever was reported before */
        }
        descriptor_leave(s, &item->wait);
        item->wait.number++; /* a late report is none of the next wait's */
    }
}

void items_leave(struct scheduler *s, struct wait *w)
{
    if (w->items->descriptors == w->items->count)
        return;
    for (uint32_t i = 0; i < w->items->count; i++)
        if (w->items->item[i].takes)
            wait_leave_item(s, &w->items->item[i]);
}

/* collect looks again, when a task goes on because of `reason`. It returns that, or 0: what has fired is known, and if it is
 * nothing the task waits again. */
static int collect(struct scheduler *s, struct items *items, int reason)
{
    leave_descriptors(s, items);
    bool timer = reason == COTHREAD_ETIMEDOUT && items->timers; /* the deadline may have been a timer's */
    if (reason && !timer)
        return reason;
    look(s, items, false, true);
    return timer && !items->fired && items->deadline <= system_now() ? COTHREAD_ETIMEDOUT : 0;
}

/* deliver writes what became of an item where the caller reads it. */
static inline void deliver(struct scheduler *s, struct item *item, cothread_item *given)
{
    bool fired = item->fired;
    if (fired && item->kind == COTHREAD_ITEM_RECEIVE && item->result >= 0)
        channel_deliver(s, &item->wait, item->element);
    else if (fired && item->kind == COTHREAD_ITEM_FILE && item->result >= 0)
        item->wait.value = watch_deliver(s, &item->wait, item->element);
    given->fired = fired;
    given->result = fired ? item->result : 0;
    bool valued = item->result == COTHREAD_ESYSTEM || (item->result >= 0 && sorts[item->kind].valued);
    given->value = fired && valued ? item->wait.value : 0;
}

/* wait_for_many waits for the items in a block. 0: some fired, or none did and the task may not wait. */
static int wait_for_many(struct scheduler *s, struct items *items, bool *waited)
{
    int64_t deadline = items->deadline;
    int rc = look(s, items, deadline == COTHREAD_NOW || !s->current, false);
    while (rc == 0 && !items->fired && !wait_is_impossible(s, deadline)) {
        *waited = true;
        begin(s, s->current, items);
        if ((rc = collect(s, items, switch_suspend(s, s->current))) < 0)
            rc = wait_failed(s, rc, deadline);
    }
    return rc;
}

/* call_for_one makes the call of its own that an item's kind has. */
static inline int call_for_one(struct scheduler *s, const cothread_item *given, void **value, int64_t deadline)
{
    switch (given->kind) {
    case COTHREAD_ITEM_EVENT: return event_wait(s, given->object, value, deadline);
    case COTHREAD_ITEM_FD:
        if (given->object != (int)given->object)
            return fail(COTHREAD_EBADF, "descriptor %lld is not open", given->object);
        return descriptor_wait(s, (int)given->object, given->want, deadline);
    case COTHREAD_ITEM_READY: return adopted_wait(s, given->object, given->want, deadline);
    case COTHREAD_ITEM_SEND: return channel_send(s, given->object, given->element, deadline);
    case COTHREAD_ITEM_RECEIVE: return channel_receive(s, given->object, given->element, deadline);
    case COTHREAD_ITEM_GROUP: return group_wait(s, given->object, given->want, deadline);
    case COTHREAD_ITEM_ACQUIRE: return semaphore_acquire(s, given->object, deadline);
    case COTHREAD_ITEM_LOCK: return mutex_lock(s, given->object, deadline);
    default: return task_watch(s, given->object, value, deadline);
    }
}

static inline int fired_one(cothread_item *given, int result, uint64_t value)
{
    given->fired = 1;
    given->result = result;
    given->value = value;
    return 1;
}

/* error_of_one tells of an error of that call as a wait for several things does: 1, an item that fired, or the wait's own. */
static __attribute__((cold)) int error_of_one(struct scheduler *s, cothread_item *given, int rc, uint32_t number)
{
    if (rc == COTHREAD_ETIMEDOUT || rc == COTHREAD_ECANCELED || rc == COTHREAD_EINTR || rc == COTHREAD_EBROKEN)
        return rc;
    if (rc == COTHREAD_EFULL) /* a channel for threads has a word of its own for it */
        return fail(COTHREAD_ETIMEDOUT, "not ready, and the deadline is COTHREAD_NOW");
    if (wait_of_caller(s)->number == number) /* it did not begin */
        return refused_item(rc, 0);
    return fired_one(given, rc, rc == COTHREAD_ESYSTEM ? (uint64_t)errno : 0);
}

/* wait_for_one is what one item comes to that has a call of its own. */
static inline bool has_own_call(const cothread_item *given)
{
    return given->kind - 1 < COTHREAD_ITEM_TIMER - 1;
}

static __attribute__((noinline)) int wait_for_one(struct scheduler *s, cothread_item *given, int64_t deadline)
{
    if (__builtin_expect(!makes_sense(given), 0))
        return refused_item(refused_given(given, sizeof *given), 0);
    uint32_t number = wait_of_caller(s)->number;
    void *value = NULL;
    int rc = call_for_one(s, given, &value, deadline);
    return rc < 0 ? error_of_one(s, given, rc, number) : fired_one(given, rc, (uint64_t)(uintptr_t)value);
}

/* One event goes a shorter way to the same end: every jump counts there. It takes 1.0 to 1.1 times the event's own call, and
 * took 1.3 as wait_for_one (bench w: one that is signalled). */
static __attribute__((noinline)) int wait_for_signal(struct scheduler *s, cothread_item *given, struct event *event, int64_t deadline)
{
    const struct wait *w = wait_of_caller(s);
    uint32_t number = w->number;
    int rc = wait_finish(s, WOULD_WAIT, KIND_EVENT, &event->waiters, deadline);
    return rc < 0 ? error_of_one(s, given, rc, number) : fired_one(given, 0, w->value);
}

static inline int wait_for_event(struct scheduler *s, cothread_item *given, struct event *event, int64_t deadline)
{
    uint64_t value;
    if (__builtin_expect(!event_take(event, &value), 0))
        return wait_for_signal(s, given, event, deadline);
    wait_satisfied(s, deadline);
    return fired_one(given, 0, value);
}

/* refused_call says what is wrong with a call. */
static __attribute__((cold)) int refused_call(const void *given, size_t size, size_t count, uint64_t flags)
{
    if (!given || (uintptr_t)given & 7)
        return fail(COTHREAD_EINVAL, "items is NULL or not aligned: %lld", (uintptr_t)given);
    if (size < sizeof(cothread_item) || size > 4096 || size % 8)
        return fail(COTHREAD_EINVAL, "item_size is %lld: set it to sizeof(cothread_item)", size);
    if (count == 0 || count > ITEMS_MAX)
        return fail(COTHREAD_EINVAL, "count is %lld: 1 to %lld items", count, ITEMS_MAX);
    return fail(COTHREAD_EINVAL, "flags is %lld: 0, COTHREAD_ALL or COTHREAD_ONE", flags);
}

static inline int check_call(const void *given, size_t size, size_t count, uint64_t flags)
{
    bool bad = (given == NULL) | (((uintptr_t)given | size) & 7) | (size - sizeof(cothread_item) > 4096 - sizeof(cothread_item)) |
               (count - 1 >= ITEMS_MAX) | (flags > COTHREAD_ONE);
    return __builtin_expect(bad, 0) ? refused_call(given, size, count, flags) : 0;
}

/* wait_for_several is not inlined: the registers that it needs would be saved for one item too. */
static __attribute__((noinline)) int wait_for_several(struct scheduler *s, cothread_item *given, size_t size, size_t count,
                                                      int64_t deadline, uint32_t flags)
{
    int rc = check_call(given, size, count, flags);
    struct items *items = rc == 0 ? allocate(s, (uint32_t)count) : NULL;
    if (!items)
        return rc ? rc : COTHREAD_ENOMEM;
    items->flags = flags;
    items->deadline = deadline;
    bool waited = false;
    rc = copy_items(s, items, s->current, given, size, (uint32_t)count);
    if (rc == 0)
        rc = wait_for_many(s, items, &waited);
    uint32_t fired = rc == 0 ? items->fired : 0;
    for (uint32_t i = 0; i < items->count; i++) {
        wait_leave_item(s, &items->item[i]);
        if (fired)
            deliver(s, &items->item[i], item_at(given, size, i));
    }
    give_back(s, items);
    if (rc < 0)
        return rc;
    /* Only here may others run: they may close what the waits were prepared for. */
    if (!fired)
        return wait_impossible(s, deadline);
    if (!waited)
        wait_satisfied(s, deadline);
    return (int)fired;
}

int items_wait(struct scheduler *s, cothread_item *given, size_t size, size_t count, int64_t deadline, uint32_t flags)
{
    bool one = ((count ^ 1) | (size ^ sizeof *given) | ((uintptr_t)given & 7)) == 0 && given && flags <= COTHREAD_ONE;
    if (one && given->kind == COTHREAD_ITEM_EVENT && !given->want) {
        int rc;
        struct event *event = handle_object(&s->handles, KIND_EVENT, given->object, &rc);
        if (__builtin_expect(event != NULL, 1))
            return wait_for_event(s, given, event, deadline);
    }
    if (one && has_own_call(given))
        return wait_for_one(s, given, deadline);
    return wait_for_several(s, given, size, count, deadline, flags);
}

/* ---- Host tasks --------------------------------------------------------------------------------------------------- */

void items_begin(struct scheduler *s, struct task *t, const cothread_request *request)
{
    cothread_item *given = (cothread_item *)(uintptr_t)request->value;
    size_t size = (uint32_t)request->object, count = request->fd < 0 ? 0 : (size_t)request->fd;
    uint64_t flags = (uint64_t)request->object >> 32;
    struct items *items = NULL;
    int rc = check_call(given, size, count, flags);
    if (rc == 0 && !(items = allocate(s, (uint32_t)count)))
        rc = COTHREAD_ENOMEM;
    if (rc == 0) {
        items->flags = (uint32_t)flags;
        items->deadline = request->deadline == COTHREAD_NOW ? COTHREAD_NOW + 1 : request->deadline; /* see host.c */
        if ((rc = copy_items(s, items, t, given, size, (uint32_t)count)) == 0)
            rc = look(s, items, false, false);
    }
    if (rc == 0 && !items->fired) {
        begin(s, t, items);
        if (wait_is_cancelled(t))
            wait_end_unserved(s, &t->wait, COTHREAD_ECANCELED);
        return;
    }
    if (items)
        unlist(s, items);
    if (rc < 0 && items)
        give_back(s, items);
    if (rc == 0) {
        items->collected = true;
        t->wait.items = items;
    }
    wait_enter(s, t, rc < 0 ? KIND_NONE : KIND_ITEMS, NULL, COTHREAD_FOREVER);
    wait_end(s, &t->wait, rc);
}

bool items_keep(const struct items *items)
{
    return items->handed || items->next;
}

uint32_t items_collect(struct scheduler *s, struct task *t)
{
    struct items *items = t->wait.items;
    if (items->collected)
        return items->fired;
    t->reason = collect(s, items, t->reason);
    if (t->reason == 0 && !items->fired && wait_is_cancelled(t))
        t->reason = COTHREAD_ECANCELED;
    if (t->reason == 0 && !items->fired) {
        wait_list_remove(&s->shared.host, &t->wait);
        begin(s, t, items);
        return 0;
    }
    unlist(s, items);
    items->collected = true;
    if (t->reason < 0)
        items->fired = 1; /* an entry about the whole */
    return items->fired;
}

uint32_t items_entry(struct scheduler *s, struct task *t, cothread_ready *entry)
{
    struct items *items = t->wait.items;
    *entry = (cothread_ready){.token = t->token, .reason = t->reason};
    if (t->reason == 0) {
        cothread_item given;
        while (!items->item[items->next].fired)
            items->next++;
        deliver(s, &items->item[items->next++], &given);
        entry->reason = given.result < 0 ? given.result : 0;
        entry->events = given.result < 0 ? 0 : (uint32_t)given.result;
        entry->value = (int64_t)given.value;
        entry->item = items->next;
    }
    entry->more = --items->fired;
    if (!entry->more)
        give_back(s, items);
    return entry->more;
}

void items_forget(struct scheduler *s, struct task *t)
{
    struct items *items = t->wait.items;
    leave_descriptors(s, items);
    unlist(s, items);
    for (uint32_t i = items->next; i < items->count; i++) {
        struct item *item = &items->item[i];
        if (item->fired && item->kind == COTHREAD_ITEM_RECEIVE && item->result >= 0)
            channel_forget(s, &item->wait);
        else if (item->fired && item->kind == COTHREAD_ITEM_FILE && item->result >= 0)
            watch_forget(s, &item->wait);
    }
    give_back(s, items);
}
