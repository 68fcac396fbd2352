/* watches.c - file watches: what changes in a file or a directory, in order.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A user may have few sources of changes (system/watches.h), so all watches of a scheduler share one. It is open while there
 * is a watch, is read empty whenever it has something, and what it tells goes to each watch of that file: to the first who
 * waits, or into the watch's queue. A change is a record of a pool of the scheduler's; whoever waits is handed the
 * record, and its caller's memory is written when the wait has ended. */
#include "watches.h"

#include <stdio.h>

#include "../../system/system.h"
#include "../../system/watches.h"
#include "wait.h"

enum { QUEUE_BOUND = 1024 };

struct change {
    struct change *next;
    struct change *next_made, *previous_made; /* all that this scheduler has: some are lost with the tasks that a destroy abandons */
    uint32_t changes;
    char name[sizeof((cothread_change *)0)->name];
};

struct watch {
    uint32_t index, generation;
    struct slot *next_free;
    struct watch *next; /* in its bucket */
    struct wait_list waiters;
    struct change *first, *last;
    int32_t number;   /* the source's */
    uint32_t wanted;  /* COTHREAD_CHANGE_...: the source tells of what any watch of the file wants */
    uint16_t queued;
    bool open;
    bool lost; /* something was, behind what is queued; until that is told all else is, too */
    bool gone; /* and no more will come */
};
_Static_assert(sizeof(struct watch) <= 128, "a watch fits its slot");

/* What the watches of a scheduler share. */
struct watches {
    int source;      /* -1: there is no watch */
    uint32_t count;  /* of watches */
    uint32_t room;   /* buckets, a power of two */
    struct watch **buckets; /* by number */
    struct change *made, *free;
    uint32_t kept; /* of those that are free */
};

static const struct change lost = {.changes = COTHREAD_CHANGE_LOST};

/* ---- Records -------------------------------------------------------------------------------------------- */

static struct change *change_allocate(struct watches *watches)
{
    struct change *change = watches->free;
    if (change) {
        watches->free = change->next;
        watches->kept--;
    } else {
        if (!(change = system_allocate(1, sizeof *change)))
            return NULL;
        change->next_made = watches->made;
        change->previous_made = NULL;
        if (watches->made)
            watches->made->previous_made = change;
        watches->made = change;
    }
    change->next = NULL;
    return change;
}

static void change_free(struct watches *watches, const struct change *freed)
{
    struct change *change = (struct change *)(uintptr_t)freed;
    if (freed == &lost)
        return;
    if (watches->kept < QUEUE_BOUND) { /* enough for one queue: that many were full at a time is rare */
        watches->kept++;
        change->next = watches->free;
        watches->free = change;
        return;
    }
    if (change->previous_made)
        change->previous_made->next_made = change->next_made;
    else
        watches->made = change->next_made;
    if (change->next_made)
        change->next_made->previous_made = change->previous_made;
    system_free(change);
}

/* take puts the oldest record into a wait; false: there is none. */
static bool take(struct watch *watch, struct wait *w)
{
    struct change *first = watch->first;
    if (!first && !watch->lost)
        return false;
    if (first) {
        watch->first = first->next;
        watch->queued--;
        w->change = first;
    } else {
        watch->lost = false;
        w->change = &lost;
    }
    return true;
}

/* ---- Buckets -------------------------------------------------------------------------------------------- */

static struct watch **bucket_of(struct watches *watches, int32_t number)
{
    return &watches->buckets[(uint32_t)number & (watches->room - 1)];
}

/* grow makes room for one watch more. */
static bool grow(struct watches *watches)
{
    uint32_t room = watches->room ? 2 * watches->room : 16;
    if (watches->count < watches->room)
        return true;
    struct watch **old = watches->buckets, **buckets = system_allocate(room, sizeof(struct watch *));
    if (!buckets)
        return false;
    for (uint32_t i = 0; i < watches->room; i++)
        for (struct watch *watch = old[i], *next; watch; watch = next) {
            struct watch **bucket = &buckets[(uint32_t)watch->number & (room - 1)];
            next = watch->next;
            watch->next = *bucket;
            *bucket = watch;
        }
    system_free(old);
    watches->buckets = buckets;
    watches->room = room;
    return true;
}

/* ---- What is told --------------------------------------------------------------------------------------- */

static bool equals_last(const struct watch *watch, uint32_t changes, const char *name)
{
    return watch->first && watch->last->changes == changes && strcmp(watch->last->name, name) == 0;
}

static void append(struct watches *watches, struct watch *watch, uint32_t changes, const char *name)
{
    if (watch->lost || equals_last(watch, changes, name))
        return;
    struct change *change = watch->queued < QUEUE_BOUND ? change_allocate(watches) : NULL;
    if (!change) {
        watch->lost = true;
        return;
    }
    change->changes = changes;
    snprintf(change->name, sizeof change->name, "%s", name);
    if (watch->first)
        watch->last->next = change;
    else
        watch->first = change;
    watch->last = change;
    watch->queued++;
}

static void serve(struct scheduler *s, struct watch *watch)
{
    for (struct wait *w; (w = watch->waiters.first) && take(watch, w);)
        wait_end(s, w, 1);
    if (watch->gone)
        wait_end_all(s, &watch->waiters, COTHREAD_ECLOSED);
}

static void report_loss(struct scheduler *s)
{
    for (uint32_t i = 0; i < s->watches->room; i++)
        for (struct watch *watch = s->watches->buckets[i]; watch; watch = watch->next)
            if (!watch->gone) {
                watch->lost = true;
                serve(s, watch);
            }
}

static void report(void *scheduler, int number, uint32_t changes, const char *name)
{
    struct scheduler *s = scheduler;
    if (number < 0) {
        report_loss(s);
        return;
    }
    for (struct watch *watch = *bucket_of(s->watches, number); watch; watch = watch->next) {
        uint32_t told = changes & (watch->wanted | COTHREAD_CHANGE_GONE);
        if (watch->number != number || !told)
            continue;
        append(s->watches, watch, told | (changes & COTHREAD_CHANGE_DIRECTORY), name);
        watch->gone = (told & COTHREAD_CHANGE_GONE) != 0;
        serve(s, watch);
    }
}

void watch_source_ready(struct scheduler *s, void *unused, uint32_t events)
{
    (void)unused, (void)events;
    if (s->watches->source >= 0)
        system_watches_read(s->watches->source, report, s);
}

/* ---- Coming and going ----------------------------------------------------------------------------------- */

static int not_watched(const char *path, int error)
{
    char text[400];
    int code = error == ENOMEM ? COTHREAD_ENOMEM : error == ENOSPC || error == EMFILE || error == ENFILE ? COTHREAD_ELIMIT : COTHREAD_ESYSTEM;
    switch (error) {
    case ENOSPC: snprintf(text, sizeof text, "\"%.200s\" is one file too many for this user: see /proc/sys/fs/inotify/max_user_watches", path); break;
    case EMFILE: snprintf(text, sizeof text, "no descriptor is left to watch files with, or no more than /proc/sys/fs/inotify/max_user_instances"); break;
    default: snprintf(text, sizeof text, "\"%.200s\" cannot be watched: errno %d", path, error);
    }
    errno = error;
    return fail_text(code, text);
}

static void close_source(struct scheduler *s)
{
    switch_call(s, CALL_RELEASE, s->watches->source, 0);
    system_watches_close(s->watches->source);
    s->watches->source = -1;
}

/* open_source sees to it that there is a source, and room for one watch more. */
static int open_source(struct scheduler *s, const char *path)
{
    struct watches *watches = s->watches;
    if (!watches) {
        if (!(watches = system_allocate(1, sizeof *watches)))
            return fail(COTHREAD_ENOMEM, "no memory for a file watch");
        watches->source = -1;
        s->watches = watches;
    }
    if (!grow(watches))
        return fail(COTHREAD_ENOMEM, "no memory for a file watch");
    if (watches->source >= 0) {
        system_watches_read(watches->source, report, s); /* what came before is not for the new one */
        return 0;
    }
    int source = system_watches_open();
    if (source < 0)
        return not_watched(path, -source);
    int rc = (int)switch_call(s, CALL_SOURCE, source, handle_of_scheduler(&s->handles));
    if (rc == 0) {
        watches->source = source;
        return 0;
    }
    int error = (int)s->shared.call_b;
    system_watches_close(source);
    if (rc == COTHREAD_ELIMIT)
        return fail(rc, "the system registers no more descriptors, and watching files needs one");
    errno = error;
    return fail(COTHREAD_ESYSTEM, "the system does not watch the descriptor of file watches (errno %lld)", error);
}

cothread_handle watch_open(struct scheduler *s, const char *path, uint32_t changes)
{
    int error, rc = open_source(s, path);
    if (rc < 0)
        return rc;
    struct watch *watch = object_allocate(&s->handles, KIND_WATCH, &error);
    int number = watch ? system_watch_add(s->watches->source, path, changes) : error;
    if (number < 0) {
        if (s->watches->count == 0)
            close_source(s);
        if (!watch)
            return error;
        object_free(&s->handles, KIND_WATCH, watch);
        return not_watched(path, -number);
    }
    struct watch **bucket = bucket_of(s->watches, number);
    watch->waiters.first = NULL;
    watch->first = watch->last = NULL;
    watch->number = number;
    watch->wanted = changes;
    watch->queued = 0;
    watch->open = true;
    watch->lost = watch->gone = false;
    watch->next = *bucket;
    *bucket = watch;
    s->watches->count++;
    return handle_of(&s->handles, KIND_WATCH, watch);
}

void watch_free(struct scheduler *s, void *object)
{
    struct watch *watch = object;
    struct watches *watches = s->watches;
    bool last = true;
    if (!watch->open)
        return;
    watch->open = false;
    wait_end_all(s, &watch->waiters, COTHREAD_ECLOSED);
    for (struct watch **at = bucket_of(watches, watch->number); *at;) {
        struct watch *other = *at;
        if (other == watch) {
            *at = watch->next;
            continue;
        }
        last = last && other->number != watch->number;
        at = &other->next;
    }
    for (struct change *change; (change = watch->first);) {
        watch->first = change->next;
        change_free(watches, change);
    }
    if (--watches->count == 0)
        close_source(s);
    else if (last && !watch->gone)
        system_watch_remove(watches->source, watch->number);
}

int watch_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    watch_free(s, object);
    object_free(&s->handles, KIND_WATCH, object);
    return 0;
}

void watch_close_all(struct scheduler *s)
{
    const struct table *table = &s->handles.tables[KIND_WATCH];
    for (uint32_t i = table->first; i < table->used; i++)
        ((struct watch *)slot_at(&s->handles, KIND_WATCH, i))->open = false;
    if (s->watches && s->watches->source >= 0)
        system_watches_close(s->watches->source);
}

void watch_end(struct scheduler *s)
{
    struct watches *watches = s->watches;
    if (!watches)
        return;
    for (struct change *change; (change = watches->made);) {
        watches->made = change->next_made;
        system_free(change);
    }
    system_free(watches->buckets);
    system_free(watches);
    s->watches = NULL;
}

void watch_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct watch *watch = object;
    snprintf(text, size, "%s", watch->gone ? "its file is gone" : "of a file");
}

/* ---- Waiting -------------------------------------------------------------------------------------------- */

int watch_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory)
{
    const struct watch *watch = object;
    const cothread_change *change = memory;
    (void)w;
    if ((uintptr_t)memory % _Alignof(cothread_change))
        return fail(COTHREAD_EINVAL, "element is not aligned: %lld", (uintptr_t)memory);
    if (change && (change->size < sizeof *change || change->size > 4096 || change->size % 4))
        return fail(COTHREAD_EINVAL, "the element's size is %lld: set it to sizeof(cothread_change)", change->size);
    if (watch->gone && !watch->first && !watch->lost)
        return fail(COTHREAD_ECLOSED, "what watch %lld watched is gone, and its last change was taken", handle);
    return 0;
}

int watch_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    struct watch *watch = object;
    w->size = memory ? ((const cothread_change *)memory)->size : 0;
    if (!watch->first && !watch->lost)
        watch_source_ready(s, NULL, 0);
    return take(watch, w) ? 1 : WOULD_WAIT;
}

struct wait_list *watch_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct watch *)object)->waiters;
}

uint32_t watch_deliver(struct scheduler *s, struct wait *w, void *element)
{
    const struct change *change = w->change;
    cothread_change *to = element;
    uint32_t changes = change->changes;
    if (to) {
        size_t length = strlen(change->name);
        memset((char *)to + sizeof to->size, 0, w->size - sizeof to->size);
        to->changes = changes;
        memcpy(to->name, change->name, length);
    }
    change_free(s->watches, change);
    w->value = 0;
    return changes;
}

void watch_forget(struct scheduler *s, struct wait *w)
{
    change_free(s->watches, w->change);
    w->value = 0;
}
