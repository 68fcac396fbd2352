/* semaphore.c - a count of units.
 * SPDX-License-Identifier: Apache-2.0 */
#include "semaphore.h"

#include <stdio.h>

#include "wait.h"

struct semaphore {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list waiters;
    uint32_t units;
};
_Static_assert(sizeof(struct semaphore) <= 64, "a semaphore fits its slot");

cothread_handle semaphore_create(struct scheduler *s, uint32_t units)
{
    int error;
    struct semaphore *semaphore = object_allocate(&s->handles, KIND_SEMAPHORE, &error);
    if (!semaphore)
        return error;
    semaphore->waiters.first = NULL;
    semaphore->units = units;
    return handle_of(&s->handles, KIND_SEMAPHORE, semaphore);
}

int semaphore_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)s, (void)w, (void)memory;
    struct semaphore *semaphore = object;
    if (!semaphore->units)
        return WOULD_WAIT;
    semaphore->units--;
    return 0;
}

int semaphore_acquire(struct scheduler *s, cothread_handle handle, int64_t deadline)
{
    int error;
    struct semaphore *semaphore = handle_object(&s->handles, KIND_SEMAPHORE, handle, &error);
    if (!semaphore)
        return error;
    return wait_finish(s, semaphore_try(s, semaphore, NULL, NULL), KIND_SEMAPHORE, &semaphore->waiters, deadline);
}

int semaphore_release(struct scheduler *s, cothread_handle handle, uint32_t units)
{
    int error;
    struct semaphore *semaphore = handle_object(&s->handles, KIND_SEMAPHORE, handle, &error);
    if (!semaphore)
        return error;
    if (units == 0 || (uint64_t)semaphore->units + units > INT32_MAX)
        return fail(COTHREAD_EINVAL, "units is %lld: 1 or more, and %lld units are free already", units, semaphore->units);
    for (struct wait *w; units && (w = semaphore->waiters.first); units--)
        wait_end(s, w, 0);
    semaphore->units += units;
    return 0;
}

struct wait_list *semaphore_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct semaphore *)object)->waiters;
}

int semaphore_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    wait_end_all(s, &((struct semaphore *)object)->waiters, COTHREAD_ECLOSED);
    object_free(&s->handles, KIND_SEMAPHORE, object);
    return 0;
}

void semaphore_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    snprintf(text, size, "%u units are free", ((const struct semaphore *)object)->units);
}
