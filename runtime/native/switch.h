/* switch.h - from one ready task straight to the next, and back to tick_run when none is left.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_SWITCH_H
#define NATIVE_SWITCH_H

#include "state.h"

/* Wakes and satisfied waits that may join the running tick. A count, not a time: order must not depend on
 * speed. 1000 hand-overs of 15 ns hide the 165 ns of a tick (a lone task that yields a million times). */
#define HAND_OVERS_PER_TICK 1000

static inline void switch_append(struct wait ***tail, struct task *t)
{
    t->wait.next = NULL;
    **tail = &t->wait;
    *tail = &t->wait.next;
}

/* switch_suspend returns, with the reason, when another task has made this one ready and its turn has come. */
int switch_suspend(struct scheduler *s, struct task *self);
/* switch_park leaves a task that is neither ready nor waiting, until its owner puts it into a ready list. */
void switch_park(struct scheduler *s, struct task *self);
/* switch_yield lets every other ready task run once. */
void switch_yield(struct scheduler *s, struct task *self);
/* switch_call has the tick half serve a call; nothing else runs meanwhile. */
int64_t switch_call(struct scheduler *s, enum call operation, int64_t a, int64_t b);
/* switch_notify ends the sleep of a host: something changed outside a tick. */
void switch_notify(struct scheduler *s) __attribute__((cold));

/* switch_run runs ready tasks until none is left, beginning with the one whose tick call was served; shared.stop says why
 * it returns. */
void switch_run(struct scheduler *s);
/* switch_prepare makes a new task begin with function(argument) on its stack; false: the host's sanitizer follows no more.
 * switch_forget takes back what valgrind knows of a task that never runs again. */
bool switch_prepare(struct scheduler *s, struct task *t, cothread_function function, void *argument);
void switch_forget(struct task *t);
/* switch_arrived is called first on a fresh stack, switch_end last: it leaves for the next task, and the stack may be reused. Not
 * declared noreturn, or the compiler would call it, and with it switch_leave, where it can jump: see switch_amd64.S. */
void switch_begun_carefully(struct scheduler *s) __attribute__((cold));
static inline void switch_arrived(void)
{
    struct scheduler *s = scheduler_current;
    if (__builtin_expect(s->sanitized, 0))
        switch_begun_carefully(s);
}
void switch_end(struct scheduler *s, struct task *t);
/* switch_check ends the process if the stack of a task has overflowed. */
void switch_check_canary(struct scheduler *s, struct task *t) __attribute__((cold));
static inline void switch_check(struct scheduler *s, struct task *t)
{
    if (__builtin_expect(s->canaries, 0))
        switch_check_canary(s, t);
}

/* switch_*.S. A fresh stack's first frame calls task_main. */
void switch_stacks(void **save, void *load);
void switch_leave(void *load);

#endif
