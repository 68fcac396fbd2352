/* group.c - waits for some of its tasks and cancels the rest.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Waiters for a number of ends stand in one of 32 lists: a number that differs from the ends so far in
 * bit b, and in no higher one, is in list b. When an end changes bit b of the count, and so all below
 * it, those of list b move into lower lists, or are woken. The others stay where they belong. So a
 * waiter moves 31 times at most, however many there are, and equal ones keep their order. */
#include "group.h"

#include <stdio.h>

#include "../../system/system.h"
#include "wait.h"

#define SOME_LISTS 32 /* bits of a number */

struct group {
    uint32_t index, generation;
    struct slot *next_free;
    cothread_handle *members; /* may hold tasks that ended: their handles are stale */
    uint32_t count, capacity;
    uint32_t living, ended;
    struct wait_list all;              /* waiters for all, */
    struct wait_list some[SOME_LISTS]; /* and for a number of ends */
};
_Static_assert(sizeof(struct group) <= 512, "a group fits its slot");

cothread_handle group_create(struct scheduler *s)
{
    int error;
    struct group *group = object_allocate(&s->handles, KIND_GROUP, &error);
    if (!group)
        return error;
    group->all.first = NULL;
    memset(group->some, 0, sizeof group->some);
    group->members = NULL;
    group->count = group->capacity = group->living = group->ended = 0;
    return handle_of(&s->handles, KIND_GROUP, group);
}

/* member_at returns a member that lives, or NULL. */
static struct task *member_at(struct scheduler *s, struct group *group, uint32_t i)
{
    struct task *t = slot_at(&s->handles, KIND_TASK, handle_index(group->members[i]));
    return t->generation == handle_generation(group->members[i]) && t->group == group ? t : NULL;
}

/* forget_ended makes `members` hold those that live only. */
static void forget_ended(struct scheduler *s, struct group *group)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < group->count; i++)
        if (member_at(s, group, i))
            group->members[kept++] = group->members[i];
    group->count = kept;
}

static bool make_room(struct scheduler *s, struct group *group)
{
    if (group->count < group->capacity)
        return true;
    if (group->living < group->capacity / 2) { /* half of them ended */
        forget_ended(s, group);
        return true;
    }
    uint32_t capacity = group->capacity ? group->capacity * 2 : 8;
    cothread_handle *members = system_resize(group->members, capacity * sizeof *members);
    if (!members)
        return false;
    group->members = members;
    group->capacity = capacity;
    return true;
}

int group_add(struct scheduler *s, cothread_handle handle, cothread_handle task)
{
    int error;
    struct group *group = handle_object(&s->handles, KIND_GROUP, handle, &error);
    if (!group)
        return error;
    struct task *t = handle_object(&s->handles, KIND_TASK, task, &error);
    if (!t)
        return error;
    if (t->flags & TASK_MAIN)
        return fail(COTHREAD_EHANDLE, "task %lld is main, which does not end", task);
    if (t->group)
        return fail(COTHREAD_EHANDLE, "task %lld is in a group already", task);
    if (t->flags & TASK_DETACHED)
        return fail(COTHREAD_EHANDLE, "task %lld is detached: nothing may wait for it", task);
    if (task_is_joined(t))
        return fail(COTHREAD_EHANDLE, "task %lld is waited for by cothread_join", task);
    if (t->state == TASK_ENDED) {
        group->living++;
        group_member_ended(s, group);
        COUNT(s->shared.ended, -1);
        task_free(s, t);
        return 0;
    }
    if (!make_room(s, group))
        return fail(COTHREAD_ENOMEM, "no memory for another member");
    t->group = group;
    t->flags |= TASK_DETACHED;
    group->members[group->count++] = task;
    group->living++;
    return 0;
}

/* list_for returns the list of those that wait for `count` ends, which have not come yet. */
static struct wait_list *list_for(struct group *group, uint32_t count)
{
    return &group->some[31 - __builtin_clz(group->ended ^ count)];
}

void group_member_ended(struct scheduler *s, struct group *group)
{
    struct wait *w;
    uint32_t before = group->ended++;
    if (--group->living == 0) {
        for (int i = 0; i < SOME_LISTS; i++)
            while ((w = group->some[i].first))
                wait_end(s, w, (int)group->ended);
        while ((w = group->all.first))
            wait_end(s, w, (int)group->ended);
        return;
    }
    struct wait_list *changed = &group->some[31 - __builtin_clz(before ^ group->ended)];
    while ((w = changed->first)) {
        if (w->count == group->ended) {
            wait_end(s, w, (int)group->ended);
        } else {
            wait_list_remove(changed, w);
            w->list = list_for(group, w->count);
            wait_list_append(w->list, w);
        }
    }
}

int group_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory)
{
    (void)memory;
    const struct task *t = w->task;
    return w->count == 0 && t && t->group == object
               ? fail(COTHREAD_EDEADLK, "the calling task is a member of group %lld, and would wait for its own end", handle) : 0;
}

int group_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)s, (void)memory;
    const struct group *group = object;
    return group->living == 0 || (w->count && group->ended >= w->count) ? (int)group->ended : WOULD_WAIT;
}

struct wait_list *group_list(void *object, const struct wait *w)
{
    struct group *group = object;
    return w->count ? list_for(group, (uint32_t)w->count) : &group->all;
}

int group_wait(struct scheduler *s, cothread_handle handle, uint32_t count, int64_t deadline)
{
    int rc;
    struct group *group = handle_object(&s->handles, KIND_GROUP, handle, &rc);
    if (!group)
        return rc;
    struct wait *w = wait_of_caller(s);
    w->count = count;
    if ((rc = group_check(group, handle, w, NULL)) == 0)
        rc = group_try(s, group, w, NULL);
    return wait_finish(s, rc, KIND_GROUP, rc == WOULD_WAIT ? group_list(group, w) : NULL, deadline);
}

int group_cancel(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct group *group = handle_object(&s->handles, KIND_GROUP, handle, &error);
    if (!group)
        return error;
    forget_ended(s, group); /* or each cancel would look at all that ever ended */
    for (uint32_t i = 0; i < group->count; i++)
        wait_cancel(s, member_at(s, group, i));
    return (int)group->count;
}

int group_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    struct group *group = object;
    for (uint32_t i = 0; i < group->count; i++) {
        struct task *t = member_at(s, group, i);
        if (t)
            t->group = NULL;
    }
    for (int i = 0; i < SOME_LISTS; i++)
        wait_end_all(s, &group->some[i], COTHREAD_ECLOSED);
    wait_end_all(s, &group->all, COTHREAD_ECLOSED);
    group_free(s, group);
    object_free(&s->handles, KIND_GROUP, object);
    return 0;
}

void group_free(struct scheduler *s, void *object)
{
    (void)s;
    struct group *group = object;
    system_free(group->members);
    group->members = NULL;
}

void group_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct group *group = object;
    snprintf(text, size, "%u members live, %u have ended", group->living, group->ended);
}
