/* items.c - one task waits for several things.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The items are copied into a block of the scheduler's, each with a wait of its own. They are looked at; if nothing fires,
 * all these waits are listed, and the task suspends in a wait of its own, which has the deadline. The first that is served
 * ends it (wait_end_item), and with it the others that take. When the task goes on, what may have come true meanwhile is looked
 * at again: nothing was told of it. Descriptors are looked at by one call for all. */
#include "items.h"

#include <stdio.h>

#include "../../system/descriptors.h"
#include "../../system/system.h"
#include "adopted.h"
#include "channel.h"
#include "descriptors.h"
#include "event.h"
#include "timer.h"
#include "wait.h"
#include "watches.h"

#define ITEMS_MAX (1u << (ITEMS_CLASSES - 1))

/* What each kind of item waits for. */
static const struct {
    uint8_t kind; /* of the object */
    bool takes;
    bool way;     /* sends, watches: see struct wait */
    bool wants;   /* `want` is looked at */
    bool valued;  /* its wait's value is the caller's */
} sorts[] = {
    [COTHREAD_ITEM_FD]      = {.kind = KIND_NONE, .wants = true},
    [COTHREAD_ITEM_READY]   = {.kind = KIND_ADOPTED, .wants = true},
    [COTHREAD_ITEM_TASK]    = {.kind = KIND_TASK, .way = true, .valued = true},
    [COTHREAD_ITEM_GROUP]   = {.kind = KIND_GROUP, .wants = true},
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
};
#define SORTS (sizeof sorts / sizeof *sorts)

static cothread_item *item_at(cothread_item *given, size_t size, size_t i)
{
    return (cothread_item *)(void *)((char *)given + i * size);
}

static bool is_descriptor(const struct item *item)
{
    return item->kind == COTHREAD_ITEM_FD || item->kind == COTHREAD_ITEM_READY;
}

/* ---- Blocks ----------------------------------------------------------------------------------------------------- */

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
    items->count = count;
    items->takers = items->fired = items->next = 0;
    items->handed = items->collected = items->timed = false;
    return items;
}

static void give_back(struct scheduler *s, struct items *items)
{
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
static int refused_item(int rc, uint32_t i)
{
    char text[256];
    snprintf(text, sizeof text, "item %u: %s", i, native_last_error());
    return fail_text(rc, text);
}

/* check_given says whether an item makes sense at all. */
static int check_given(const cothread_item *given, size_t size)
{
    if (given->kind >= SORTS || !given->kind)
        return fail(COTHREAD_EINVAL, "kind is %lld, and no kind of item", given->kind);
    if (given->kind == COTHREAD_ITEM_FD || given->kind == COTHREAD_ITEM_READY) {
        if (!given->want || given->want & ~WAITABLE)
            return fail(COTHREAD_EINVAL, "want is %lld: at least one of READABLE, WRITABLE, PRIORITY, READHUP, ERROR, HANGUP", given->want);
    } else if (given->want && !sorts[given->kind].wants) {
        return fail(COTHREAD_EINVAL, "want is %lld: 0 for this kind of item", given->want);
    }
    for (size_t i = sizeof *given; i < size; i++)
        if (((const char *)given)[i])
            return fail(COTHREAD_EINVAL, "byte %lld belongs to a field that this library does not know, and it is not 0", i);
    return 0;
}

/* copy_item copies an item and checks whether it can be waited for. */
static int copy_item(struct scheduler *s, struct items *items, struct task *t, struct item *item, const cothread_item *given, size_t size)
{
    struct wait *w = &item->wait;
    int rc = check_given(given, size);
    if (rc < 0)
        return rc;
    item->kind = (uint8_t)given->kind;
    item->takes = sorts[item->kind].takes;
    item->object = given->object;
    item->element = given->element;
    item->want = given->want;
    item->result = 0;
    item->listed = item->fired = false;
    w->task = t;
    w->flags = (uint8_t)((w->flags & WAIT_ARMED) | WAIT_OF_ITEM | (t && t->flags & TASK_HOST ? WAIT_OF_HOST : 0));
    w->kind = sorts[item->kind].kind;
    w->sends = sorts[item->kind].way;
    w->list = NULL;
    w->value = 0;
    w->events = w->directions = 0;
    if (item->kind == COTHREAD_ITEM_FD) {
        if (item->object != (int)item->object)
            return fail(COTHREAD_EBADF, "descriptor %lld is not open", item->object);
        return s->current || t ? descriptor_reserve(s, (int)item->object) : 0;
    }
    void *object = handle_object(&s->handles, (enum kind)w->kind, item->object, &rc);
    if (!object)
        return rc;
    if (item->kind == COTHREAD_ITEM_EVENT)
        item->takes = !event_is_manual(object);
    if (item->kind == COTHREAD_ITEM_GROUP)
        w->count = item->want;
    items->timed |= item->kind == COTHREAD_ITEM_TIMER;
    items->takers += item->takes;
    const struct kind_row *row = &kinds[w->kind];
    return row->check ? row->check(object, item->object, w, item->element) : 0;
}

static int copy_items(struct scheduler *s, struct items *items, struct task *t, const cothread_item *given, size_t size)
{
    for (uint32_t i = 0; i < items->count; i++) {
        int rc = copy_item(s, items, t, &items->item[i], item_at((cothread_item *)given, size, i), size);
        if (rc < 0)
            return refused_item(rc, i);
    }
    for (uint32_t i = 0; i < items->count; i++)
        items->item[i].wakes = items->item[i].kind == COTHREAD_ITEM_FD ? descriptor_wakes(s, (int)items->item[i].object) : 0;
    return 0;
}

/* ---- Looking ---------------------------------------------------------------------------------------------------- */

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

static void fire(struct items *items, struct item *item, int result)
{
    item->fired = true;
    item->result = result;
    items->handed |= item->takes && result >= 0;
}

/* ask puts a descriptor into the poll, if there is something that only the poll can tell; next is its place there. */
static void ask(struct scheduler *s, struct items *items, struct item *item, bool now, struct system_look **next)
{
    int fd = (int)item->object;
    uint32_t events = item->want;
    if (item->kind == COTHREAD_ITEM_FD) {
        if (descriptor_wakes(s, fd) != item->wakes) {
            fire(items, item, COTHREAD_ECLOSED);
            return;
        }
        events = descriptor_free(s, fd, events);
    } else {
        int stale;
        void *object = handle_object(&s->handles, KIND_ADOPTED, item->object, &stale);
        if (!object) {
            fire(items, item, COTHREAD_ECLOSED);
            return;
        }
        item->wait.list = adopted_list(object, &item->wait);
        item->fired = false; /* a report is a hint */
        item->result = 0;
        if ((fd = adopted_to_poll(object, events, now)) < 0)
            return;
    }
    *(*next)++ = (struct system_look){.fd = fd, .events = (uint16_t)events};
    item->polled = true;
}

static void answer(struct scheduler *s, struct item *item, const struct system_look *look)
{
    uint32_t found = look->found;
    int error;
    item->polled = false;
    if (found & SYSTEM_NOT_OPEN || look->fd < 0) {
        item->result = COTHREAD_EBADF;
        return;
    }
    if (item->kind == COTHREAD_ITEM_READY)
        found = adopted_polled(handle_object(&s->handles, KIND_ADOPTED, item->object, &error), look->events, found);
    item->result |= (int)found;
}

/* poll_items leaves in `result` of each descriptor what it has. If that cannot be done and the task goes on, it is what is wrong
 * with them. */
static int poll_items(struct scheduler *s, struct items *items, bool now, bool again)
{
    struct system_look *looks = room_for_looks(s, items->count), *next = looks;
    if (!looks)
        return fail(COTHREAD_ENOMEM, "no memory to look at %lld descriptors", items->count);
    for (uint32_t i = 0; i < items->count; i++)
        if (is_descriptor(&items->item[i]) && items->item[i].result >= 0)
            ask(s, items, &items->item[i], now, &next);
    if (next == looks)
        return 0;
    int rc = system_poll_all(looks, (uint32_t)(next - looks));
    next = looks;
    for (uint32_t i = 0; i < items->count; i++) {
        struct item *item = &items->item[i];
        if (item->polled && rc == 0)
            answer(s, item, next++);
        else if (item->polled && again)
            item->result = COTHREAD_ESYSTEM;
        item->polled = false;
    }
    return rc < 0 && !again ? fail(COTHREAD_ESYSTEM, "looking at the descriptors failed with errno %lld", -rc) : 0;
}

/* count_fired returns how many fired; with COTHREAD_ONE it leaves one. */
static uint32_t count_fired(struct items *items)
{
    uint32_t fired = 0;
    for (uint32_t i = 0; i < items->count; i++) {
        if (fired && items->flags & COTHREAD_ONE)
            items->item[i].fired = false;
        fired += items->item[i].fired;
    }
    return fired;
}

/* try_item takes what an item asks for, if it is there. */
static int try_item(struct scheduler *s, struct item *item, bool again)
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
    if (again && row->check && (rc = row->check(object, item->object, w, item->element)) < 0)
        return rc;
    rc = row->try(s, object, w, item->element);
    if (rc == WOULD_WAIT)
        w->list = row->list(object, w);
    return rc;
}

/* look looks at all items that have not fired. Without COTHREAD_ALL it takes from one at most, beginning anywhere, so that one
 * that always has something starves none. `again`: the task goes on. Returns 0, or why it cannot be done; nothing was
 * taken then. */
static int look(struct scheduler *s, struct items *items, int64_t deadline, bool again)
{
    bool all = items->flags & COTHREAD_ALL, one = items->flags & COTHREAD_ONE;
    int rc = poll_items(s, items, deadline == COTHREAD_NOW || !items->item->wait.task, again);
    if (rc < 0 || (one && count_fired(items)))
        return rc;
    s->chance = s->chance * 1664525 + 1013904223;
    uint32_t start = (uint32_t)((uint64_t)s->chance * items->count >> 32);
    for (int pass = 0; pass <= all; pass++) { /* of all, sends come last: a task is not to receive what it sends */
        for (uint32_t n = 0, i = start; n < items->count; n++, i = i + 1 == items->count ? 0 : i + 1) {
            struct item *item = &items->item[i];
            if (item->fired || (item->takes && items->handed && !all) || (all && (item->kind == COTHREAD_ITEM_SEND) != pass))
                continue;
            rc = try_item(s, item, again);
            if (rc == WOULD_WAIT)
                continue;
            if (rc < 0 && !again && !items->handed && item->kind != COTHREAD_ITEM_PROCESS) /* there it is how one ended */
                return refused_item(rc, i);
            fire(items, item, rc);
            if (one)
                return 0;
        }
    }
    return 0;
}

/* ---- Waiting ----------------------------------------------------------------------------------------------------- */

/* list_all lists the waits of all items, which were looked at and prepared, and returns the deadline of the task's own. */
static int64_t list_all(struct scheduler *s, struct items *items, int64_t deadline)
{
    for (uint32_t i = 0; i < items->count; i++) {
        struct item *item = &items->item[i];
        struct wait *w = &item->wait;
        w->number++;
        if (item->kind == COTHREAD_ITEM_FD) {
            descriptor_list(s, w, (int)item->object, item->want);
            continue;
        }
        if (item->kind == COTHREAD_ITEM_READY)
            adopted_expect(s, wait_object(w), item->want);
        else if (item->kind == COTHREAD_ITEM_TIMER && timer_next(wait_object(w)) < deadline)
            deadline = timer_next(wait_object(w));
        wait_list_append(w->list, w);
        item->listed = true;
    }
    return deadline;
}

/* unlist_all takes every wait out of its list: nothing fires any more. */
static void unlist_all(struct scheduler *s, struct items *items)
{
    for (uint32_t i = 0; i < items->count; i++)
        wait_leave_item(s, &items->item[i]);
}

/* leave_descriptors ends the waits for descriptors by number, which the tick half keeps. */
static void leave_descriptors(struct scheduler *s, struct items *items)
{
    for (uint32_t i = 0; i < items->count; i++) {
        struct item *item = &items->item[i];
        struct wait *w = &item->wait;
        if (item->kind != COTHREAD_ITEM_FD || !w->events)
            continue;
        if (item->fired && item->result == 0)
            item->result = (int)w->events; /* what was reported */
        descriptor_leave(s, w);
        w->number++; /* a late report is none of the next wait's */
    }
}

void items_leave(struct scheduler *s, struct wait *w)
{
    for (uint32_t i = 0; i < w->items->count; i++)
        if (w->items->item[i].takes)
            wait_leave_item(s, &w->items->item[i]);
}

/* passed says whether the wait ended because of the caller's deadline, and not because a timer was to be looked at. */
static bool passed(const struct items *items)
{
    if (!items->timed)
        return true;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct item *item = &items->item[i];
        if (item->kind == COTHREAD_ITEM_TIMER && (item->fired || (item->listed && timer_next(wait_object(&item->wait)) <= system_now())))
            return false;
    }
    return items->deadline <= system_now();
}

/* collect is for a wait that has ended with `reason`: it returns that, or 0 with what has fired, none if it goes on. */
static int collect(struct scheduler *s, struct items *items, int reason, uint32_t *fired)
{
    leave_descriptors(s, items);
    *fired = 0;
    if (reason == COTHREAD_ETIMEDOUT && !passed(items))
        reason = 0;
    if (reason == 0) {
        look(s, items, items->deadline, true);
        *fired = count_fired(items);
    }
    unlist_all(s, items);
    return reason;
}

/* deliver writes what became of an item where the caller reads it. */
static void deliver(struct scheduler *s, struct item *item, cothread_item *given)
{
    bool fired = item->fired;
    if (fired && item->kind == COTHREAD_ITEM_RECEIVE && item->result >= 0)
        channel_deliver(s, &item->wait, item->element);
    else if (fired && item->kind == COTHREAD_ITEM_FILE && item->result >= 0)
        item->wait.value = watch_deliver(s, &item->wait, item->element);
    given->fired = fired;
    given->result = fired ? item->result : 0;
    given->value = fired && item->result >= 0 && sorts[item->kind].valued ? item->wait.value : 0;
}

/* wait_for_many waits for the items in a block; it returns how many fired. */
static int wait_for_many(struct scheduler *s, struct items *items, int64_t deadline)
{
    struct task *self = s->current;
    uint32_t fired;
    int rc = look(s, items, deadline, false);
    if (rc < 0) {
        unlist_all(s, items);
        return rc;
    }
    if ((fired = count_fired(items)) != 0) {
        unlist_all(s, items);
        wait_satisfied(s, deadline);
        return (int)fired;
    }
    for (;;) {
        if ((rc = wait_refused(s, deadline)) != 0) {
            unlist_all(s, items);
            return rc;
        }
        self->wait.items = items;
        wait_enter(s, self, KIND_ITEMS, NULL, list_all(s, items, deadline));
        rc = collect(s, items, switch_suspend(s, self), &fired);
        if (rc < 0)
            return wait_failed(s, rc, deadline);
        if (fired)
            return (int)fired;
        look(s, items, deadline, true); /* a hint that came to nothing; the waits are prepared again */
        if ((fired = count_fired(items)) != 0) {
            unlist_all(s, items);
            return (int)fired;
        }
    }
}

/* wait_for_one is what one item of the kinds that need no block comes to: the single call. */
static int wait_for_one(struct scheduler *s, cothread_item *given, int64_t deadline)
{
    struct wait *w = wait_of_caller(s);
    enum kind kind = (enum kind)sorts[given->kind].kind;
    const struct kind_row *row = &kinds[kind];
    int rc;
    void *object = handle_object(&s->handles, kind, given->object, &rc);
    if (!object)
        return refused_item(rc, 0);
    w->sends = sorts[given->kind].way;
    if (given->kind == COTHREAD_ITEM_GROUP)
        w->count = given->want;
    if (row->check && (rc = row->check(object, given->object, w, given->element)) < 0)
        return refused_item(rc, 0);
    if (given->kind == COTHREAD_ITEM_SEND) {
        rc = channel_send(s, given->object, given->element, deadline);
    } else if (given->kind == COTHREAD_ITEM_RECEIVE) {
        rc = channel_receive(s, given->object, given->element, deadline);
    } else {
        rc = row->try(s, object, w, NULL);
        rc = wait_finish(s, rc, kind, rc == WOULD_WAIT ? row->list(object, w) : NULL, deadline);
    }
    if (rc < 0 && rc != COTHREAD_ECLOSED)
        return rc;
    given->fired = 1;
    given->result = rc;
    given->value = rc >= 0 && sorts[given->kind].valued ? w->value : 0;
    return 1;
}

static bool needs_no_block(const cothread_item *given)
{
    return given->kind >= COTHREAD_ITEM_TASK && given->kind <= COTHREAD_ITEM_LOCK;
}

static int check_call(const void *given, size_t size, size_t count, uint64_t flags)
{
    if (!given || (uintptr_t)given & 7)
        return fail(COTHREAD_EINVAL, "items is NULL or not aligned: %lld", (uintptr_t)given);
    if (size < sizeof(cothread_item) || size > 4096 || size % 8)
        return fail(COTHREAD_EINVAL, "item_size is %lld: set it to sizeof(cothread_item)", size);
    if (count == 0 || count > ITEMS_MAX)
        return fail(COTHREAD_EINVAL, "count is %lld: 1 to %lld items", count, ITEMS_MAX);
    if (flags & ~(uint64_t)(COTHREAD_ALL | COTHREAD_ONE) || flags == (COTHREAD_ALL | COTHREAD_ONE))
        return fail(COTHREAD_EINVAL, "flags is %lld: 0, COTHREAD_ALL or COTHREAD_ONE", flags);
    return 0;
}

int items_wait(struct scheduler *s, cothread_item *given, size_t size, size_t count, int64_t deadline, uint32_t flags)
{
    int rc = check_call(given, size, count, flags);
    if (rc < 0)
        return rc;
    if (count == 1) {
        if ((rc = check_given(given, size)) < 0)
            return refused_item(rc, 0);
        if (needs_no_block(given))
            return wait_for_one(s, given, deadline);
    }
    struct items *items = allocate(s, (uint32_t)count);
    if (!items)
        return COTHREAD_ENOMEM;
    items->flags = flags;
    items->deadline = deadline;
    rc = copy_items(s, items, s->current, given, size);
    if (rc == 0)
        rc = wait_for_many(s, items, deadline);
    for (size_t i = 0; rc > 0 && i < count; i++)
        deliver(s, &items->item[i], item_at(given, size, i));
    give_back(s, items);
    return rc;
}

/* ---- Host tasks --------------------------------------------------------------------------------------------------- */

static void begin(struct scheduler *s, struct task *t, int64_t deadline)
{
    t->wait.items->deadline = deadline;
    wait_enter(s, t, KIND_ITEMS, NULL, list_all(s, t->wait.items, deadline));
}

static void end_at_once(struct scheduler *s, struct task *t, enum kind kind, int reason)
{
    wait_enter(s, t, kind, NULL, COTHREAD_FOREVER);
    wait_end(s, &t->wait, reason);
}

void items_begin(struct scheduler *s, struct task *t, const cothread_request *request)
{
    cothread_item *given = (cothread_item *)(uintptr_t)request->value;
    size_t size = (uint32_t)request->object;
    uint64_t flags = (uint64_t)request->object >> 32;
    struct items *items = NULL;
    int rc = check_call(given, size, request->fd < 0 ? 0 : (size_t)request->fd, flags);
    if (rc == 0 && !(items = allocate(s, (uint32_t)request->fd)))
        rc = COTHREAD_ENOMEM;
    if (rc == 0) {
        items->flags = (uint32_t)flags;
        rc = copy_items(s, items, t, given, size);
    }
    if (rc == 0 && (rc = look(s, items, COTHREAD_FOREVER, false)) < 0)
        unlist_all(s, items);
    if (rc < 0) {
        if (items)
            give_back(s, items);
        end_at_once(s, t, KIND_NONE, rc);
        return;
    }
    t->wait.items = items;
    if ((items->fired = count_fired(items)) != 0) {
        items->collected = true;
        unlist_all(s, items);
        end_at_once(s, t, KIND_ITEMS, 0);
        return;
    }
    begin(s, t, request->deadline == COTHREAD_NOW ? COTHREAD_NOW + 1 : request->deadline);
    if (wait_is_cancelled(t))
        wait_end_unserved(s, &t->wait, COTHREAD_ECANCELED);
}

uint32_t items_collect(struct scheduler *s, struct task *t)
{
    struct items *items = t->wait.items;
    if (items->collected)
        return items->fired;
    t->reason = collect(s, items, t->reason, &items->fired);
    if (t->reason < 0 || items->fired)
        items->collected = true;
    if (t->reason < 0)
        return items->fired = 1; /* an entry about the whole */
    if (!items->fired) {
        look(s, items, items->deadline, true);
        if ((items->fired = count_fired(items)) != 0) {
            items->collected = true;
            unlist_all(s, items);
        } else {
            wait_list_remove(&s->shared.host, &t->wait);
            begin(s, t, items->deadline);
        }
    }
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
    unlist_all(s, items);
    for (uint32_t i = items->next; i < items->count; i++) {
        struct item *item = &items->item[i];
        if (item->fired && item->kind == COTHREAD_ITEM_RECEIVE && item->result >= 0)
            channel_forget(s, &item->wait);
        else if (item->fired && item->kind == COTHREAD_ITEM_FILE && item->result >= 0)
            watch_forget(s, &item->wait);
    }
    give_back(s, items);
}
