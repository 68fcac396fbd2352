/* group.c - waits for some of its tasks and cancels the rest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "group.h"

#include <stdio.h>

#include "../../system/system.h"
#include "wait.h"

struct group {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list some, all; /* waiters for a number of ends, the smallest first; and for all */
    cothread_handle *members; /* may hold tasks that ended: their handles are stale */
    uint32_t count, capacity;
    uint32_t living, ended;
};
_Static_assert(sizeof(struct group) <= 64, "a group fits its slot");

cothread_handle group_create(struct scheduler *s)
{
    int error;
    struct group *group = object_take(&s->handles, KIND_GROUP, &error);
    if (!group)
        return error;
    group->some.first = group->all.first = NULL;
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

static bool make_room(struct scheduler *s, struct group *group)
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
    if (t->joiners.first)
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

void group_member_ended(struct scheduler *s, struct group *group)
{
    group->living--;
    group->ended++;
    struct wait *w;
    while ((w = group->some.first) && (group->living == 0 || group->ended >= w->count))
        wait_end(s, w, (int)group->ended);
    while (group->living == 0 && (w = group->all.first))
        wait_end(s, w, (int)group->ended);
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
    return w->count ? &group->some : &group->all;
}

/* sort moves the last of `some` forward to its place: each end looks at the first only. Behind those that wait for as
 * many; from the back, where most belong. */
static void sort(struct wait_list *some, struct wait *w)
{
    struct wait *before = w->previous;
    if (some->first == w || before->count <= w->count)
        return;
    while (before != some->first && before->previous->count > w->count)
        before = before->previous;
    wait_list_remove(some, w);
    w->next = before;
    w->previous = before->previous;
    if (before == some->first)
        some->first = w; /* first->previous stays the last */
    else
        before->previous->next = w;
    before->previous = w;
}

int group_wait(struct scheduler *s, cothread_handle handle, uint32_t count, int64_t deadline)
{
    int rc;
    struct group *group = handle_object(&s->handles, KIND_GROUP, handle, &rc);
    if (!group)
        return rc;
    struct wait *w = wait_of_caller(s);
    w->count = count;
    rc = group_try(s, group, w, NULL);
    if (rc != WOULD_WAIT)
        return wait_finish(s, rc, KIND_GROUP, NULL, deadline);
    if ((rc = wait_refused(s, deadline)) != 0)
        return rc;
    wait_begin(s, w->task, KIND_GROUP, group_list(group, w), deadline);
    if (count)
        sort(&group->some, w);
    return wait_suspend(s, deadline);
}

int group_cancel(struct scheduler *s, cothread_handle handle)
{
    int error, cancelled = 0;
    struct group *group = handle_object(&s->handles, KIND_GROUP, handle, &error);
    if (!group)
        return error;
    for (uint32_t i = 0; i < group->count; i++) {
        struct task *t = member_at(s, group, i);
        if (t) {
            wait_cancel(s, t);
            cancelled++;
        }
    }
    return cancelled;
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
    wait_end_all(s, &group->some, COTHREAD_ECLOSED);
    wait_end_all(s, &group->all, COTHREAD_ECLOSED);
    group_free(s, group);
    object_release(&s->handles, KIND_GROUP, object);
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
