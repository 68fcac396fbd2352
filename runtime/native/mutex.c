/* mutex.c - held by one task across its waits.
 * SPDX-License-Identifier: Apache-2.0 */
#include "mutex.h"

#include <stdio.h>

#include "wait.h"

struct mutex {
    uint32_t index, generation;
    struct slot *next_free;
    struct task *owner;
    struct mutex *next_held, *previous_held;
    struct wait_list waiters;
    bool abandoned; /* its last owner ended while holding it */
};
_Static_assert(sizeof(struct mutex) <= 64, "a mutex fits its slot");

cothread_handle mutex_create(struct scheduler *s)
{
    int error;
    struct mutex *mutex = object_allocate(&s->handles, KIND_MUTEX, &error);
    if (!mutex)
        return error;
    mutex->waiters.first = NULL;
    mutex->owner = NULL;
    mutex->abandoned = false;
    return handle_of(&s->handles, KIND_MUTEX, mutex);
}

static void give_to(struct mutex *mutex, struct task *t)
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
    struct task *owner = mutex->owner;
    struct wait *heir = mutex->waiters.first;
    if (mutex->previous_held)
        mutex->previous_held->next_held = mutex->next_held;
    else
        owner->held = mutex->next_held;
    if (mutex->next_held)
        mutex->next_held->previous_held = mutex->previous_held;
    mutex->owner = NULL;
    if (heir) {
        give_to(mutex, heir->task);
        wait_end(s, heir, reason);
    }
}

void mutex_abandon_all(struct scheduler *s, struct task *owner)
{
    while (owner->held) {
        struct mutex *mutex = owner->held;
        mutex->abandoned = !mutex->waiters.first; /* else the heir is told now */
        hand_on(s, mutex, 1);
    }
}

int mutex_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory)
{
    (void)memory;
    const struct mutex *mutex = object;
    if (!w->task)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack is no task and cannot hold mutex %lld", handle);
    if (mutex->owner == w->task)
        return fail(COTHREAD_EDEADLK, "this task holds mutex %lld already", handle);
    return 0;
}

int mutex_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)s, (void)memory;
    struct mutex *mutex = object;
    if (mutex->owner)
        return WOULD_WAIT;
    give_to(mutex, w->task);
    int was_abandoned = mutex->abandoned;
    mutex->abandoned = false;
    return was_abandoned;
}

int mutex_lock(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    int rc;
    struct mutex *mutex = handle_object(&s->handles, KIND_MUTEX, handle, &rc);
    if (!mutex)
        return rc;
    struct wait *w = wait_of_caller(s);
    if ((rc = mutex_check(mutex, handle, w, NULL)) != 0)
        return rc;
    return wait_finish(s, mutex_try(s, mutex, w, NULL), KIND_MUTEX, &mutex->waiters, deadline);
}

int mutex_unlock(struct scheduler *s, struct task *t, cothread_handle handle)
{
    int error;
    struct mutex *mutex = handle_object(&s->handles, KIND_MUTEX, handle, &error);
    if (!mutex)
        return error;
    if (!mutex->owner || mutex->owner != t)
        return fail(COTHREAD_EOWNER, "this task does not hold mutex %lld", handle);
    hand_on(s, mutex, 0);
    return 0;
}

struct wait_list *mutex_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct mutex *)object)->waiters;
}

int mutex_close(struct scheduler *s, void *object, cothread_handle handle)
{
    const struct mutex *mutex = object;
    if (mutex->owner)
        return fail(COTHREAD_EBUSY, "mutex %lld is held", handle);
    object_free(&s->handles, KIND_MUTEX, object);
    return 0;
}

void mutex_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    const struct mutex *mutex = object;
    if (!mutex->owner)
        snprintf(text, size, "free");
    else if (*task_name(s, mutex->owner))
        snprintf(text, size, "held by \"%s\"", task_name(s, mutex->owner));
    else
        snprintf(text, size, "held by task %u", mutex->owner->index);
}
