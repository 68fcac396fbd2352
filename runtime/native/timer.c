/* timer.c - a timer: expires once, or again and again in step, or when the clocks jump.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing runs for a timer by itself: a task that waits for it has the time of its expiry as its own deadline, and looks at the
 * clock when it wakes. The first that finds a timer expired tells all that wait for it, so each of them is told once.
 *
 * A timer of the clocks' jumps has a descriptor (system/clock.h) that is reported after each; and whoever looks at it looks at
 * the clocks, so that nothing is missed between a jump and its report. */
#include "timer.h"

#include <stdio.h>

#include "../../system/clock.h"
#include "../../system/system.h"
#include "wait.h"

struct timer {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list waiters;
    union {
        struct {
            int64_t next;   /* COTHREAD_FOREVER: stopped */
            int64_t period; /* 0: it expires once */
        };
        struct system_clock seen; /* of the jumps: by the last look */
    };
    int64_t moved;     /* the wall clock, in the jumps that nobody was told of */
    uint32_t jumps;    /* so many */
    uint32_t of_jumps; /* 1 + its descriptor; 0: another timer */
};
_Static_assert(sizeof(struct timer) <= 64, "a timer fits its slot");

/* ---- Jumps ---------------------------------------------------------------------------------------------- */

/* open_descriptor returns one that is registered for a timer, or why there is none. */
static int open_descriptor(struct scheduler *s, const struct timer *timer)
{
    int fd = system_clock_open();
    if (fd == -EMFILE || fd == -ENFILE)
        return fail(COTHREAD_ELIMIT, "no descriptor is left for the jumps of the clocks");
    if (fd == -ENOMEM)
        return fail(COTHREAD_ENOMEM, "no memory for the jumps of the clocks");
    if (fd < 0)
        return fail(COTHREAD_ESYSTEM, "the system does not tell of the jumps of the clocks (errno %lld)", -fd);
    int rc = (int)switch_call(s, CALL_SOURCE, fd, handle_of(&s->handles, KIND_TIMER, timer));
    if (rc == 0)
        return fd;
    int error = (int)s->shared.call_b;
    system_clock_close(fd);
    if (rc == COTHREAD_ELIMIT)
        return fail(rc, "the system registers no more descriptors, and a timer of the clocks' jumps needs one");
    errno = error;
    return fail(COTHREAD_ESYSTEM, "the system does not watch the descriptor of a timer (errno %lld)", error);
}

static bool apart(int64_t a, int64_t b)
{
    return a - b > SYSTEM_CLOCK_JUMP || b - a > SYSTEM_CLOCK_JUMP;
}

/* look counts what happened since the last look; true: there is something to tell of. */
static bool look(struct timer *timer)
{
    struct system_clock now;
    system_clock_read(&now);
    if (apart(now.wall, timer->seen.wall) || apart(now.suspended, timer->seen.suspended)) {
        timer->moved += now.wall - timer->seen.wall;
        timer->jumps += timer->jumps < INT32_MAX;
        timer->seen = now;
    }
    return timer->jumps;
}

/* ---- Telling -------------------------------------------------------------------------------------------- */

/* tell ends the waits of all, with the same. */
static int tell(struct scheduler *s, struct timer *timer, uint64_t value, int expiries)
{
    while (timer->waiters.first) {
        timer->waiters.first->value = value;
        wait_end(s, timer->waiters.first, expiries);
    }
    return expiries;
}

static int tell_of_jumps(struct scheduler *s, struct timer *timer, uint64_t *moved)
{
    int jumps = (int)timer->jumps;
    *moved = (uint64_t)timer->moved;
    timer->jumps = 0;
    timer->moved = 0;
    return tell(s, timer, *moved, jumps);
}

void timer_ready(struct scheduler *s, void *object, uint32_t events)
{
    struct timer *timer = object;
    uint64_t moved;
    (void)events;
    system_clock_drain((int)timer->of_jumps - 1);
    if (look(timer) && timer->waiters.first)
        tell_of_jumps(s, timer, &moved);
}

/* ---- Calls ---------------------------------------------------------------------------------------------- */

cothread_handle timer_new(struct scheduler *s, uint32_t flags)
{
    int error, fd = -1;
    struct timer *timer = object_allocate(&s->handles, KIND_TIMER, &error);
    if (!timer)
        return error;
    timer->waiters.first = NULL;
    timer->moved = 0;
    timer->jumps = timer->of_jumps = 0;
    if (flags & COTHREAD_CLOCK_JUMPS) {
        if ((fd = open_descriptor(s, timer)) < 0) {
            object_free(&s->handles, KIND_TIMER, timer);
            return fd;
        }
        timer->of_jumps = 1 + (uint32_t)fd;
        system_clock_read(&timer->seen);
    } else {
        timer->next = COTHREAD_FOREVER;
        timer->period = 0;
    }
    return handle_of(&s->handles, KIND_TIMER, timer);
}

int timer_set(struct scheduler *s, cothread_handle handle, int64_t deadline, int64_t period)
{
    int error;
    struct timer *timer = handle_object(&s->handles, KIND_TIMER, handle, &error);
    if (!timer)
        return error;
    if (timer->of_jumps)
        return fail(COTHREAD_EINVAL, "timer %lld expires when the clocks jump: it cannot be set", handle);
    int was_running = timer->next != COTHREAD_FOREVER;
    timer->next = deadline = deadline == COTHREAD_NOW ? system_now() : deadline < 0 ? 0 : deadline;
    timer->period = period;
    for (struct wait *w = timer->waiters.first; w; w = w->next)
        wait_hasten(s, w->task, deadline); /* one that is to wake too early looks, and waits again */
    return was_running;
}

int64_t timer_next(const void *object)
{
    const struct timer *timer = object;
    return timer->of_jumps ? COTHREAD_FOREVER : timer->next;
}

int timer_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)memory;
    struct timer *timer = object;
    int64_t now;
    if (timer->of_jumps)
        return look(timer) ? tell_of_jumps(s, timer, &w->value) : WOULD_WAIT;
    if (timer->next == COTHREAD_FOREVER || timer->next > (now = system_now()))
        return WOULD_WAIT;
    int64_t last = timer->next, more = 0;
    if (timer->period) {
        more = (now - last) / timer->period;
        last += more * timer->period;
    }
    if (!timer->period || __builtin_add_overflow(last, timer->period, &timer->next))
        timer->next = COTHREAD_FOREVER;
    w->value = (uint64_t)last;
    return tell(s, timer, (uint64_t)last, more < INT32_MAX ? (int)more + 1 : INT32_MAX);
}

struct wait_list *timer_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct timer *)object)->waiters;
}

void timer_free(struct scheduler *s, void *object)
{
    struct timer *timer = object;
    if (!timer->of_jumps)
        return;
    switch_call(s, CALL_RELEASE, timer->of_jumps - 1, 0);
    system_clock_close((int)timer->of_jumps - 1);
    timer->of_jumps = 0;
}

void timer_close_all(struct scheduler *s)
{
    const struct table *table = &s->handles.tables[KIND_TIMER];
    for (uint32_t i = table->first; i < table->used; i++) {
        struct timer *timer = slot_at(&s->handles, KIND_TIMER, i);
        if (timer->of_jumps)
            system_clock_close((int)timer->of_jumps - 1);
        timer->of_jumps = 0;
    }
}

int timer_close(struct scheduler *s, void *object, cothread_handle handle)
{
    (void)handle;
    wait_end_all(s, &((struct timer *)object)->waiters, COTHREAD_ECLOSED);
    timer_free(s, object);
    object_free(&s->handles, KIND_TIMER, object);
    return 0;
}

void timer_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    const struct timer *timer = object;
    if (timer->of_jumps)
        snprintf(text, size, "of the clocks' jumps");
    else if (timer->next == COTHREAD_FOREVER)
        snprintf(text, size, "stopped");
    else
        snprintf(text, size, "expires in %lld us", (long long)((timer->next - system_now()) / 1000));
}
