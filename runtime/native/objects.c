/* objects.c - what tasks share: event, channel, mutex, semaphore, group.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a waiter waits for is handed to it by whoever provides it, before it runs: nobody can take it in between,
 * and a waiter that times out has taken nothing. */
#include "native.h"
#include "waiting.h"

#include <stdlib.h>

struct event {
    uint32_t index, generation;
    struct slot *next_free;
    struct waiters waiters;
    uint64_t value;
    bool signalled, manual;
};

struct channel {
    uint32_t index, generation;
    struct slot *next_free;
    struct waiters senders, receivers; /* a waiting task's `value` is the address of its element */
    size_t element_size, capacity, count, head;
    char *elements;
    bool done;
};

struct semaphore {
    uint32_t index, generation;
    struct slot *next_free;
    struct waiters waiters;
    uint32_t units;
};

struct group {
    uint32_t index, generation;
    struct slot *next_free;
    struct waiters waiters; /* a waiting task's `value` is the number of ends it waits for; UINT64_MAX: of all */
    cothread_handle *members; /* may hold tasks that ended: their handles are stale */
    uint32_t count, capacity;
    uint32_t living, ended;
};

_Static_assert(sizeof(struct event) <= 64 && sizeof(struct mutex) <= 64 && sizeof(struct semaphore) <= 64 &&
                   sizeof(struct group) <= 64 && sizeof(struct channel) <= 128,
               "an object fits its slot");

static void *take(struct scheduler *s, enum kind kind, int *error)
{
    void *slot = slot_take(s, kind);
    if (!slot)
        *error = slot_refused(s, kind);
    return slot;
}

static void close_waiters(struct scheduler *s, struct waiters *waiters)
{
    for (struct task *t; (t = waiters->first);)
        wake(s, t, COTHREAD_ECLOSED);
}

/* finish does what all waits on objects have in common after their try. */
static inline int finish(struct scheduler *s, int tried, struct waiters **in, int64_t deadline)
{
    if (tried != WOULD_WAIT)
        return tried;
    int rc = wait_refused(s, deadline);
    return rc ? rc : wait_here(s, *in, deadline);
}

/* ---- Event ---------------------------------------------------------------------------------------- */

cothread_handle native_event_create(struct scheduler *s, uint32_t flags)
{
    int error;
    struct event *event = take(s, KIND_EVENT, &error);
    if (!event)
        return error;
    event->waiters.first = NULL;
    event->signalled = false;
    event->manual = (flags & COTHREAD_MANUAL_RESET) != 0;
    return handle_of(s, KIND_EVENT, event);
}

int native_event_signal(struct scheduler *s, cothread_handle handle, void *value)
{
    int error, woken = 0;
    struct event *event = resolve(s, KIND_EVENT, handle, &error);
    if (!event)
        return error;
    struct task *t = event->waiters.first;
    if (t && !event->manual) {
        t->value = (uint64_t)(uintptr_t)value;
        wake(s, t, 0);
        return 1;
    }
    event->value = (uint64_t)(uintptr_t)value;
    event->signalled = true;
    for (; (t = event->waiters.first); woken++) {
        t->value = event->value;
        wake(s, t, 0);
    }
    return woken;
}

int event_try(struct scheduler *s, struct task *t, cothread_handle handle, struct waiters **in)
{
    int error;
    struct event *event = resolve(s, KIND_EVENT, handle, &error);
    if (!event)
        return error;
    if (!event->signalled) {
        *in = &event->waiters;
        return WOULD_WAIT;
    }
    if (t)
        t->value = event->value;
    s->shared.call_result = (int64_t)event->value;
    event->signalled = event->manual;
    return 0;
}

int native_event_wait(struct scheduler *s, cothread_handle handle, void **value, int64_t deadline)
{
    struct waiters *in = NULL;
    int rc = finish(s, event_try(s, s->current, handle, &in), &in, deadline);
    if (rc == 0 && value)
        *value = (void *)(uintptr_t)(s->current ? s->current->value : (uint64_t)s->shared.call_result);
    return rc;
}

int native_event_reset(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct event *event = resolve(s, KIND_EVENT, handle, &error);
    if (!event)
        return error;
    int was = event->signalled;
    event->signalled = false;
    return was;
}

/* ---- Channel ----------------------------------------------------------------------------------------- */

cothread_handle native_channel_create(struct scheduler *s, size_t element_size, size_t capacity)
{
    int error;
    char *elements = NULL;
    if (element_size && capacity && !(elements = malloc(element_size * capacity)))
        return fail(COTHREAD_ENOMEM, "no memory for %lld elements of %lld bytes", capacity, element_size);
    struct channel *channel = take(s, KIND_CHANNEL, &error);
    if (!channel) {
        free(elements);
        return error;
    }
    channel->senders.first = channel->receivers.first = NULL;
    channel->element_size = element_size;
    channel->capacity = capacity;
    channel->count = channel->head = 0;
    channel->elements = elements;
    channel->done = false;
    return handle_of(s, KIND_CHANNEL, channel);
}

static void *element_at(struct channel *channel, size_t position)
{
    position += channel->head;
    if (position >= channel->capacity)
        position -= channel->capacity;
    return channel->elements + position * channel->element_size;
}

static inline void copy(void *to, const void *from, size_t size)
{
    if (size == 8)
        memcpy(to, from, 8); /* pointers and counters: no call */
    else if (size)
        memcpy(to, from, size);
}

static void put(struct channel *channel, const void *element)
{
    if (channel->element_size)
        copy(element_at(channel, channel->count), element, channel->element_size);
    channel->count++;
}

int channel_try_send(struct scheduler *s, struct task *t, cothread_handle handle, const void *element, struct waiters **in)
{
    int error;
    struct channel *channel = resolve(s, KIND_CHANNEL, handle, &error);
    if (!channel)
        return error;
    if (channel->element_size && !element)
        return fail(COTHREAD_EINVAL, "element is NULL, but the channel's elements have %lld bytes", channel->element_size);
    if (channel->done)
        return fail(COTHREAD_ECLOSED, "cothread_channel_done was called on channel %lld", handle);
    struct task *receiver = channel->receivers.first;
    if (receiver) {
        copy((void *)(uintptr_t)receiver->value, element, channel->element_size);
        wake(s, receiver, 0);
        return 0;
    }
    if (channel->count < channel->capacity) {
        put(channel, element);
        return 0;
    }
    if (t)
        t->value = (uint64_t)(uintptr_t)element;
    *in = &channel->senders;
    return WOULD_WAIT;
}

int channel_try_receive(struct scheduler *s, struct task *t, cothread_handle handle, void *element, struct waiters **in)
{
    int error;
    struct channel *channel = resolve(s, KIND_CHANNEL, handle, &error);
    if (!channel)
        return error;
    if (channel->element_size && !element)
        return fail(COTHREAD_EINVAL, "element is NULL, but the channel's elements have %lld bytes", channel->element_size);
    struct task *sender = channel->senders.first;
    if (channel->count) {
        copy(element, element_at(channel, 0), channel->element_size);
        channel->count--;
        channel->head = channel->head + 1 == channel->capacity ? 0 : channel->head + 1;
        if (sender) {
            put(channel, (const void *)(uintptr_t)sender->value);
            wake(s, sender, 0);
        }
        return 0;
    }
    if (sender) {
        copy(element, (const void *)(uintptr_t)sender->value, channel->element_size);
        wake(s, sender, 0);
        return 0;
    }
    if (channel->done)
        return fail(COTHREAD_ECLOSED, "channel %lld is empty and no more will be sent", handle);
    if (t)
        t->value = (uint64_t)(uintptr_t)element;
    *in = &channel->receivers;
    return WOULD_WAIT;
}

int native_channel_send(struct scheduler *s, cothread_handle handle, const void *element, int64_t deadline)
{
    struct waiters *in = NULL;
    return finish(s, channel_try_send(s, s->current, handle, element, &in), &in, deadline);
}

int native_channel_receive(struct scheduler *s, cothread_handle handle, void *element, int64_t deadline)
{
    struct waiters *in = NULL;
    return finish(s, channel_try_receive(s, s->current, handle, element, &in), &in, deadline);
}

int native_channel_done(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct channel *channel = resolve(s, KIND_CHANNEL, handle, &error);
    if (!channel)
        return error;
    if (channel->done)
        return fail(COTHREAD_ECLOSED, "cothread_channel_done was called on channel %lld already", handle);
    channel->done = true;
    close_waiters(s, &channel->senders);
    close_waiters(s, &channel->receivers);
    return 0;
}

/* ---- Mutex ---------------------------------------------------------------------------------------------- */

cothread_handle native_mutex_create(struct scheduler *s)
{
    int error;
    struct mutex *mutex = take(s, KIND_MUTEX, &error);
    if (!mutex)
        return error;
    mutex->waiters.first = NULL;
    mutex->owner = NULL;
    mutex->abandoned = false;
    return handle_of(s, KIND_MUTEX, mutex);
}

static void own(struct mutex *mutex, struct task *t)
{
    mutex->owner = t;
    mutex->previous_held = NULL;
    mutex->next_held = t->held;
    if (t->held)
        t->held->previous_held = mutex;
    t->held = mutex;
}

/* hand_on gives a mutex to its first waiter, or to nobody; `reason` is what that waiter's lock returns. */
static void hand_on(struct scheduler *s, struct mutex *mutex, int reason)
{
    struct task *owner = mutex->owner, *heir = mutex->waiters.first;
    if (mutex->previous_held)
        mutex->previous_held->next_held = mutex->next_held;
    else
        owner->held = mutex->next_held;
    if (mutex->next_held)
        mutex->next_held->previous_held = mutex->previous_held;
    mutex->owner = NULL;
    if (heir) {
        own(mutex, heir);
        wake(s, heir, reason);
    }
}

void mutexes_abandoned(struct scheduler *s, struct task *owner)
{
    while (owner->held) {
        struct mutex *mutex = owner->held;
        mutex->abandoned = !mutex->waiters.first; /* else the heir is told now */
        hand_on(s, mutex, 1);
    }
}

int mutex_try(struct scheduler *s, struct task *t, cothread_handle handle, struct waiters **in)
{
    int error;
    struct mutex *mutex = resolve(s, KIND_MUTEX, handle, &error);
    if (!mutex)
        return error;
    if (!t)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack is no task and cannot hold mutex %lld", handle);
    if (mutex->owner == t)
        return fail(COTHREAD_EDEADLK, "this task holds mutex %lld already", handle);
    if (mutex->owner) {
        *in = &mutex->waiters;
        return WOULD_WAIT;
    }
    own(mutex, t);
    int was_abandoned = mutex->abandoned;
    mutex->abandoned = false;
    return was_abandoned;
}

int native_mutex_lock(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    struct waiters *in = NULL;
    return finish(s, mutex_try(s, s->current, handle, &in), &in, deadline);
}

int mutex_unlock(struct scheduler *s, struct task *t, cothread_handle handle)
{
    int error;
    struct mutex *mutex = resolve(s, KIND_MUTEX, handle, &error);
    if (!mutex)
        return error;
    if (!mutex->owner || mutex->owner != t)
        return fail(COTHREAD_EOWNER, "this task does not hold mutex %lld", handle);
    hand_on(s, mutex, 0);
    return 0;
}

int native_mutex_unlock(struct scheduler *s, cothread_handle handle)
{
    return mutex_unlock(s, s->current, handle);
}

/* ---- Semaphore --------------------------------------------------------------------------------------------- */

cothread_handle native_semaphore_create(struct scheduler *s, uint32_t units)
{
    int error;
    struct semaphore *semaphore = take(s, KIND_SEMAPHORE, &error);
    if (!semaphore)
        return error;
    semaphore->waiters.first = NULL;
    semaphore->units = units;
    return handle_of(s, KIND_SEMAPHORE, semaphore);
}

int semaphore_try(struct scheduler *s, struct task *t, cothread_handle handle, struct waiters **in)
{
    int error;
    (void)t;
    struct semaphore *semaphore = resolve(s, KIND_SEMAPHORE, handle, &error);
    if (!semaphore)
        return error;
    if (semaphore->units) {
        semaphore->units--;
        return 0;
    }
    *in = &semaphore->waiters;
    return WOULD_WAIT;
}

int native_semaphore_acquire(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    struct waiters *in = NULL;
    return finish(s, semaphore_try(s, s->current, handle, &in), &in, deadline);
}

int native_semaphore_release(struct scheduler *s, cothread_handle handle, uint32_t units)
{
    int error;
    struct semaphore *semaphore = resolve(s, KIND_SEMAPHORE, handle, &error);
    if (!semaphore)
        return error;
    if (units == 0 || (uint64_t)semaphore->units + units > INT32_MAX)
        return fail(COTHREAD_EINVAL, "units is %lld: 1 or more, and %lld units are free already", units, semaphore->units);
    for (struct task *t; units && (t = semaphore->waiters.first); units--)
        wake(s, t, 0);
    semaphore->units += units;
    return 0;
}

/* ---- Group -------------------------------------------------------------------------------------------------- */

cothread_handle native_group_create(struct scheduler *s)
{
    int error;
    struct group *group = take(s, KIND_GROUP, &error);
    if (!group)
        return error;
    group->waiters.first = NULL;
    group->members = NULL;
    group->count = group->capacity = group->living = group->ended = 0;
    return handle_of(s, KIND_GROUP, group);
}

/* member_at returns a member that lives, or NULL. */
static struct task *member_at(struct scheduler *s, struct group *group, uint32_t i)
{
    struct task *t = slot_at(s, KIND_TASK, index_in(group->members[i]));
    return t->generation == generation_in(group->members[i]) && t->group == group ? t : NULL;
}

static bool group_room(struct scheduler *s, struct group *group)
{
    if (group->count < group->capacity)
        return true;
    if (group->living < group->capacity / 2) { /* half of them ended: forget those */
        uint32_t kept = 0;
        for (uint32_t i = 0; i < group->count; i++)
            if (member_at(s, group, i))
                group->members[kept++] = group->members[i];
        group->count = kept;
        return true;
    }
    uint32_t capacity = group->capacity ? group->capacity * 2 : 8;
    cothread_handle *members = realloc(group->members, capacity * sizeof *members);
    if (!members)
        return false;
    group->members = members;
    group->capacity = capacity;
    return true;
}

int native_group_add(struct scheduler *s, cothread_handle handle, cothread_handle task)
{
    int error;
    struct group *group = resolve(s, KIND_GROUP, handle, &error);
    if (!group)
        return error;
    struct task *t = resolve(s, KIND_TASK, task, &error);
    if (!t)
        return error;
    if (t->flags & TASK_MAIN)
        return fail(COTHREAD_EHANDLE, "task %lld is main, which nobody waits for", task);
    if (t->group)
        return fail(COTHREAD_EHANDLE, "task %lld is in a group already", task);
    if (t->flags & TASK_DETACHED)
        return fail(COTHREAD_EHANDLE, "task %lld is detached: nobody may wait for it", task);
    if (t->joiners.first)
        return fail(COTHREAD_EHANDLE, "task %lld is waited for by cothread_join", task);
    if (!group_room(s, group))
        return fail(COTHREAD_ENOMEM, "no memory for another member");
    if (t->state == TASK_ENDED) {
        group->living++;
        group_member_ended(s, group);
        return native_detach(s, task);
    }
    t->group = group;
    t->flags |= TASK_DETACHED;
    group->members[group->count++] = task;
    group->living++;
    return 0;
}

void group_member_ended(struct scheduler *s, struct group *group)
{
    group->living--;
    group->ended++;
    for (struct task *t = group->waiters.first, *next; t; t = next) {
        next = t->next;
        if (group->living == 0 || group->ended >= t->value)
            wake(s, t, (int)group->ended);
    }
}

int native_group_wait(struct scheduler *s, cothread_handle handle, uint32_t count, int64_t deadline)
{
    int error;
    struct group *group = resolve(s, KIND_GROUP, handle, &error);
    if (!group)
        return error;
    if (group->living == 0 || (count && group->ended >= count))
        return (int)group->ended;
    if ((error = wait_refused(s, deadline)) != 0)
        return error;
    s->current->value = count ? count : UINT64_MAX;
    return wait_here(s, &group->waiters, deadline);
}

int native_group_cancel(struct scheduler *s, cothread_handle handle)
{
    int error, cancelled = 0;
    struct group *group = resolve(s, KIND_GROUP, handle, &error);
    if (!group)
        return error;
    for (uint32_t i = 0; i < group->count; i++)
        if (member_at(s, group, i)) {
            native_cancel(s, group->members[i]);
            cancelled++;
        }
    return cancelled;
}

/* ---- Close ---------------------------------------------------------------------------------------------------- */

int native_close(struct scheduler *s, cothread_handle handle)
{
    enum kind kind = kind_in(handle);
    int error;
    if (handle > 0 && (kind == KIND_TASK || kind >= KIND_TABLES))
        return fail(COTHREAD_EHANDLE, "handle %lld is a task or a scheduler: join, detach or destroy it", handle);
    if (kind == KIND_ADOPTED)
        return native_release(s, handle, true);
    if (kind == KIND_MAILBOX)
        return mailbox_close_handle(s, handle);
    void *object = resolve(s, kind, handle, &error);
    if (!object)
        return error;
    switch (kind) {
    case KIND_EVENT:
        close_waiters(s, &((struct event *)object)->waiters);
        break;
    case KIND_CHANNEL: {
        struct channel *channel = object;
        close_waiters(s, &channel->senders);
        close_waiters(s, &channel->receivers);
        free(channel->elements);
        channel->elements = NULL;
        break;
    }
    case KIND_MUTEX:
        if (((struct mutex *)object)->owner)
            return fail(COTHREAD_EBUSY, "mutex %lld is held", handle);
        break;
    case KIND_SEMAPHORE:
        close_waiters(s, &((struct semaphore *)object)->waiters);
        break;
    case KIND_GROUP: {
        struct group *group = object;
        for (uint32_t i = 0; i < group->count; i++) {
            struct task *t = member_at(s, group, i);
            if (t)
                t->group = NULL;
        }
        close_waiters(s, &group->waiters);
        free(group->members);
        group->members = NULL;
        break;
    }
    default:
        return fail(COTHREAD_EHANDLE, "handle %lld is no object that can be closed", handle);
    }
    slot_release(s, kind, object);
    return 0;
}

/* native_free_objects gives back the memory of objects that were never closed. */
void native_free_objects(struct scheduler *s)
{
    for (uint32_t i = 0; i < s->tables[KIND_CHANNEL].used; i++)
        free(((struct channel *)slot_at(s, KIND_CHANNEL, i))->elements);
    for (uint32_t i = 0; i < s->tables[KIND_GROUP].used; i++)
        free(((struct group *)slot_at(s, KIND_GROUP, i))->members);
}
