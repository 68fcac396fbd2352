/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

/* Whatever a timer was set to when a wait began: the wait goes by what it is set to now. */
static cothread_handle timer;
static int64_t told_at;
static int told;

static void *waits(void *unused) {
    told = expiries(timer, COTHREAD_FOREVER);
    told_at = expired_at;
    return unused;
}

static cothread_handle waiter(void) {
    cothread_handle task = spawn(waits, NULL);
    told = 0;
    expect(cothread_yield(), 0);
    expect(told, 0);
    return task;
}

int main(void) {
    int64_t deadline;
    handle(cothread_create(NULL));
    timer = handle(cothread_timer_create(0));

    cothread_handle task = waiter(); /* from stopped */
    deadline = cothread_after(COTHREAD_MILLISECOND);
    expect(cothread_timer_set(timer, deadline, 0), 0);
    join(task);
    expect(told, 1);
    expect(told_at, deadline);

    expect(cothread_timer_set(timer, cothread_after(3600 * COTHREAD_SECOND), 0), 0);
    task = waiter(); /* earlier */
    deadline = cothread_after(COTHREAD_MILLISECOND);
    expect(cothread_timer_set(timer, deadline, 0), 1);
    join(task);
    expect(told_at, deadline);

    expect(cothread_timer_set(timer, cothread_after(COTHREAD_MILLISECOND), 0), 0);
    task = waiter(); /* later: it wakes when it would have expired, and waits again */
    deadline = cothread_after(20 * COTHREAD_MILLISECOND);
    expect(cothread_timer_set(timer, deadline, 0), 1);
    join(task);
    expect(told_at, deadline);
    expect(cothread_now() >= deadline, 1);

    expect(cothread_timer_set(timer, cothread_after(COTHREAD_MILLISECOND), 0), 0);
    task = waiter(); /* stopped, and long after that set to now */
    expect(cothread_timer_set(timer, COTHREAD_FOREVER, 0), 1);
    expect(cothread_sleep(10 * COTHREAD_MILLISECOND), 0);
    expect(told, 0);
    deadline = cothread_now();
    expect(cothread_timer_set(timer, COTHREAD_NOW, 0), 0);
    join(task);
    expect(told, 1);
    expect(told_at >= deadline, 1);

    expect(cothread_timer_set(timer, cothread_after(3600 * COTHREAD_SECOND), 1000), 0);
    task = waiter(); /* cancelled: the timer knows nothing of it any more */
    expect(cothread_cancel(task), 0);
    join(task);
    expect(told, COTHREAD_ECANCELED);
    expect(cothread_timer_set(timer, COTHREAD_FOREVER, 0), 1);

    task = waiter(); /* closed */
    expect(cothread_close(timer), 0);
    join(task);
    expect(told, COTHREAD_ECLOSED);
    expect(expiries(timer, COTHREAD_NOW), COTHREAD_EHANDLE);
    expect(cothread_timer_set(timer, COTHREAD_NOW, 0), COTHREAD_EHANDLE);
    return nothing_left();
}
