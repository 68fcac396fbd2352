/* tasks.c - the life of a task, from spawn to join.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tasks.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../system/process.h"
#include "../../system/system.h"
#include "group.h"
#include "mutex.h"
#include "wait.h"

/* ---- Names ------------------------------------------------------------------------------------------ */

static __attribute__((cold)) int set_name(struct scheduler *s, struct task *t, const char *name)
{
    uint32_t number = t->index >> CHUNK_BITS;
    char(*names)[NAME_SIZE] = s->names[number];
    if (!names) {
        if (!name)
            return 0;
        names = system_reserve(sizeof *names << CHUNK_BITS);
        if (!names)
            return fail(COTHREAD_ENOMEM, "no memory for the task's name");
        s->names[number] = names;
    }
    char *row = names[t->index & ((1u << CHUNK_BITS) - 1)];
    if (name) {
        size_t length = strnlen(name, NAME_SIZE - 1);
        memcpy(row, name, length);
        row[length] = 0;
    } else if (*row) {
        *row = 0;
    }
    return 0;
}

int task_set_name(struct scheduler *s, struct task *t, const char *name)
{
    return __builtin_expect(name || s->names[t->index >> CHUNK_BITS], 0) ? set_name(s, t, name) : 0;
}

int task_copy_name(struct scheduler *s, cothread_handle handle, char *buffer, size_t size)
{
    int error;
    struct task *t = handle_object(&s->handles, KIND_TASK, handle, &error);
    if (!t)
        return error;
    const char *name = task_name(s, t);
    size_t length = strlen(name), copied = length < size ? length : size - 1;
    memcpy(buffer, name, copied);
    buffer[copied] = 0;
    return (int)length;
}

/* ---- Birth ------------------------------------------------------------------------------------------ */

struct task *task_new(struct scheduler *s, uint8_t flags, int *error)
{
    struct task *t = slot_allocate(&s->handles, KIND_TASK);
    if (__builtin_expect(!t, 0)) {
        *error = slot_refused(&s->handles, KIND_TASK);
        return NULL;
    }
    t->reason = 0;
    t->state = TASK_RUNNING;
    t->flags = flags;
    t->deadline = COTHREAD_FOREVER;
    t->wait.list = NULL;
    t->wait.flags &= WAIT_ARMED;
    t->wait.value = 0;
    t->wait.task = t; /* its number and its place among the armed are those of the slot: they outlive the task */
    t->wait.events = 0;
    t->wait.directions = 0;
    t->joiners.first = NULL;
    t->held = NULL;
    t->group = NULL;
    return t;
}

static inline __attribute__((always_inline)) struct task *create(struct scheduler *s, cothread_function function, void *argument, int stack_class, uint8_t flags, int *error)
{
    struct task *t = task_new(s, flags, error);
    if (!t)
        return NULL;
    t->stack_class = (uint8_t)stack_class;
    t->stack = stack_allocate(&s->stacks, stack_class);
    if (__builtin_expect(!t->stack, 0)) {
        task_free(s, t);
        *error = fail(COTHREAD_ENOMEM, "no memory for a stack of %lld bytes", 1LL << stack_class);
        return NULL;
    }
    if (__builtin_expect(!switch_prepare(s, t, function, argument), 0)) {
        stack_free(&s->stacks, stack_class, t->stack);
        task_free(s, t);
        *error = fail(COTHREAD_ELIMIT, "ThreadSanitizer follows no more than %lld tasks", FIBERS_MAX);
        return NULL;
    }
    return t;
}

struct task *task_create(struct scheduler *s, cothread_function function, void *argument, int stack_class, uint8_t flags, int *error)
{
    return create(s, function, argument, stack_class, flags, error);
}

cothread_handle task_spawn(struct scheduler *s, cothread_function function, void *argument, const cothread_task_options *options)
{
    int error;
    uint32_t stack_size = s->default_stack;
    uint8_t flags = 0;
    const char *name = NULL;
    if (options) {
        if (options->stack_size)
            stack_size = options->stack_size;
        flags = options->flags & COTHREAD_DETACHED ? TASK_DETACHED : 0;
        name = options->name;
    }
    struct task *t = create(s, function, argument, stack_class_of(stack_size), flags, &error);
    if (!t)
        return error;
    if ((error = task_set_name(s, t, name)) < 0) {
        stack_free(&s->stacks, t->stack_class, t->stack);
        task_free(s, t);
        return error;
    }
    COUNT(s->shared.living, 1);
    COUNT(s->shared.spawned, 1);
    wait_make_ready(s, t);
    return handle_of(&s->handles, KIND_TASK, t);
}

/* ---- Death ------------------------------------------------------------------------------------------ */

static __attribute__((noinline, cold)) void end_run(struct scheduler *s)
{
    s->until_idle = 0;
    if (s->shared.main->state == TASK_WAITING)
        wait_end(s, &s->shared.main->wait, 0);
}

static inline void one_less(struct scheduler *s)
{
    COUNT(s->shared.living, -1);
    if (__builtin_expect(s->until_idle && s->shared.living == 0, 0))
        end_run(s);
}

void task_one_less(struct scheduler *s)
{
    one_less(s);
}

static inline __attribute__((always_inline)) void end(struct scheduler *s, struct task *t, uint64_t result)
{
    bool taken = t->flags & (TASK_DETACHED | TASK_HOST); /* the host keeps its own results */
    t->state = TASK_ENDED;
    one_less(s);
    if (__builtin_expect(t->held != NULL, 0))
        mutex_abandon_all(s, t);
    for (struct wait *joiner; (joiner = t->joiners.first);) {
        taken |= !joiner->watches;
        joiner->value = joiner->watches && t->flags & TASK_DETACHED ? 0 : result;
        wait_end(s, joiner, 0);
    }
    if (t->group)
        group_member_ended(s, t->group);
    if (taken) {
        task_free(s, t);
    } else {
        t->result = result;
        COUNT(s->shared.ended, 1);
    }
}

void task_end(struct scheduler *s, struct task *t, uint64_t result)
{
    end(s, t, result);
}

SANITIZERS_UNSEEN void task_main(struct task *t, cothread_function function, void *argument)
{
    NAME_TASK_IF_EXCEPTION_LEAVES();
    switch_arrived();
    void *result = function(argument);
    struct scheduler *s = scheduler_current;
    if (__builtin_expect(!s, 0) || process_forked()) {
        static const char text[] = "libcothread: a task returned in a forked child: only exec and _exit are possible there\n";
        system_say(text, sizeof text - 1);
        _Exit(70); /* EX_SOFTWARE */
    }
    char *stack = t->stack;
    int class = t->stack_class;
    switch_check(s, t);
    end(s, t, (uint64_t)(uintptr_t)result); /* its slot may be free now */
    stack_free(&s->stacks, class, stack);
    switch_end(s, t);
}

static void forget(struct scheduler *s, struct task *ended)
{
    COUNT(s->shared.ended, -1);
    task_free(s, ended);
}

/* ---- Join --------------------------------------------------------------------------------------------- */

int task_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory)
{
    (void)memory;
    const struct task *t = object;
    if (t == w->task)
        return fail(COTHREAD_EDEADLK, "task %lld waits for its own end", handle);
    if (t->flags & TASK_MAIN)
        return fail(COTHREAD_EINVAL, "task %lld is main, which does not end", handle);
    if (t->flags & TASK_DETACHED && !w->watches)
        return fail(COTHREAD_EHANDLE, "task %lld was detached or is in a group", handle);
    return 0;
}

int task_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)memory;
    struct task *t = object;
    if (t->state != TASK_ENDED)
        return WOULD_WAIT;
    w->value = t->result;
    if (!w->watches)
        forget(s, t);
    return 0;
}

struct wait_list *task_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct task *)object)->joiners;
}

static inline int await_end(struct scheduler *s, cothread_handle handle, bool watches, void **result, int64_t deadline)
{
    int rc;
    struct task *t = handle_object(&s->handles, KIND_TASK, handle, &rc);
    if (!t)
        return rc;
    struct wait *w = wait_of_caller(s);
    w->watches = watches;
    if ((rc = task_check(t, handle, w, NULL)) != 0)
        return rc;
    rc = wait_finish(s, task_try(s, t, w, NULL), KIND_TASK, &t->joiners, deadline);
    if (rc == 0 && result)
        *result = (void *)(uintptr_t)w->value;
    return rc;
}

int task_join(struct scheduler *s, cothread_handle handle, void **result, int64_t deadline)
{
    return await_end(s, handle, false, result, deadline);
}

int task_watch(struct scheduler *s, cothread_handle handle, void **result, int64_t deadline)
{
    return await_end(s, handle, true, result, deadline);
}

int task_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)s, (void)object;
    return fail(COTHREAD_EHANDLE, "handle %lld is a task: join or detach it", handle);
}

void task_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    static const char *const states[] = {"free", "ready", "running", "waiting", "ended"};
    const struct task *t = object;
    snprintf(text, size, "%s%s%s", states[t->state], *task_name(s, t) ? ", " : "", task_name(s, t));
}

int task_detach(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct task *t = handle_object(&s->handles, KIND_TASK, handle, &error);
    if (!t)
        return error;
    if (t->flags & (TASK_DETACHED | TASK_MAIN))
        return fail(COTHREAD_EHANDLE, "task %lld is detached already, in a group, or main", handle);
    if (task_is_joined(t))
        return fail(COTHREAD_EBUSY, "a task waits to join task %lld", handle);
    t->flags |= TASK_DETACHED;
    if (t->state == TASK_ENDED)
        forget(s, t);
    return 0;
}

/* ---- The rest ------------------------------------------------------------------------------------------- */

int task_cancel(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct task *t = handle_object(&s->handles, KIND_TASK, handle, &error);
    if (!t)
        return error;
    wait_cancel(s, t);
    return 0;
}

int task_shield(struct scheduler *s, int on)
{
    struct task *self = s->current;
    if (!self)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack is no task and cannot be shielded");
    int was = (self->flags & TASK_SHIELDED) != 0;
    self->flags = (uint8_t)((self->flags & ~TASK_SHIELDED) | (on ? TASK_SHIELDED : 0));
    return was;
}

cothread_handle task_self(struct scheduler *s)
{
    if (!s->current)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack is no task");
    return handle_of(&s->handles, KIND_TASK, s->current);
}

int task_yield(struct scheduler *s)
{
    struct task *self = s->current;
    if (!self)
        return fail(COTHREAD_EHOSTED, "a hosted scheduler's own stack cannot yield: call cothread_poll_scheduler");
    switch_yield(s, self);
    if (__builtin_expect(s->broken, 0))
        return COTHREAD_EBROKEN;
    return __builtin_expect(wait_is_cancelled(self), 0) ? fail(COTHREAD_ECANCELED, "this task was cancelled") : 0;
}

int task_sleep(struct scheduler *s, int64_t deadline)
{
    if (deadline == COTHREAD_NOW)
        return task_yield(s);
    int rc = wait_refused(s, deadline);
    if (rc != 0)
        return rc;
    wait_enter(s, s->current, KIND_NONE, NULL, deadline);
    rc = switch_suspend(s, s->current);
    if (__builtin_expect(rc != COTHREAD_ETIMEDOUT, 0))
        return wait_failed(s, rc, deadline);
    if (wait_far_in_the_past(s, deadline))
        fail(0, DEADLINES_ARE_ABSOLUTE, deadline);
    return 0;
}

int task_wait_until(struct scheduler *s, int64_t deadline)
{
    int rc = wait_refused(s, deadline);
    if (rc == 0) {
        struct task *self = s->current;
        self->flags |= TASK_IN_WAIT_UNTIL;
        rc = wait_here(s, KIND_NONE, NULL, deadline);
        self->flags &= (uint8_t)~TASK_IN_WAIT_UNTIL;
    }
    return rc;
}

int task_wakeup(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct task *t = handle_object(&s->handles, KIND_TASK, handle, &error);
    if (!t)
        return error;
    if (t->state != TASK_WAITING || !(t->flags & TASK_IN_WAIT_UNTIL))
        return 0;
    wait_end(s, &t->wait, 0);
    return 1;
}

int task_run_all(struct scheduler *s, int64_t deadline)
{
    int rc;
    if (s->shared.living == 0)
        return 0;
    if ((rc = wait_refused(s, deadline)) != 0)
        return rc;
    s->until_idle = 1;
    rc = wait_here(s, KIND_NONE, NULL, deadline);
    s->until_idle = 0;
    return rc;
}

void task_each(struct scheduler *s, void (*visit)(struct scheduler *s, struct task *t, void *context), void *context)
{
    const struct table *table = &s->handles.tables[KIND_TASK];
    for (uint32_t i = table->first + 1; i < table->used; i++) { /* the first is main */
        struct task *t = slot_at(&s->handles, KIND_TASK, i);
        if (t->state != TASK_FREE && t->state != TASK_ENDED)
            visit(s, t, context);
    }
}
