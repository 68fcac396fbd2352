/* clock.c - what timers of the clocks' jumps tell, with clocks that jump when they are asked to.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../c/list_host.h"

#include "failures.h"

#define HOUR (3600 * COTHREAD_SECOND)

static cothread_handle jumps;
static int64_t moved;

static int wait_for_jump(int64_t deadline)
{
    cothread_item item = {.kind = COTHREAD_ITEM_TIMER, .object = jumps};
    int rc = cothread_wait(&item, sizeof item, 1, deadline, 0);
    if (rc < 0)
        return rc;
    moved = (int64_t)item.value;
    return item.result;
}

static void a_jump_is_counted_when_asked(void)
{
    expect(wait_for_jump(COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    cothread_fail_clock(HOUR, HOUR); /* the machine was suspended */
    expect(wait_for_jump(COTHREAD_NOW), 1);
    expect(moved > HOUR - COTHREAD_MILLISECOND && moved < HOUR + COTHREAD_MILLISECOND, 1);
    expect(wait_for_jump(COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    cothread_fail_clock(-2 * HOUR, 0); /* the wall clock was set back */
    expect(wait_for_jump(COTHREAD_NOW), 1);
    expect(moved < -2 * HOUR + COTHREAD_MILLISECOND && moved > -2 * HOUR - COTHREAD_MILLISECOND, 1);
    cothread_fail_clock(0, HOUR); /* suspended, and set back by as much */
    expect(wait_for_jump(COTHREAD_NOW), 1);
    expect(moved < COTHREAD_MILLISECOND && moved > -COTHREAD_MILLISECOND, 1);
    cothread_fail_clock(COTHREAD_MICROSECOND, 0); /* is none */
    expect(wait_for_jump(COTHREAD_NOW), COTHREAD_ETIMEDOUT);
}

/* While nobody waits each is counted that a tick sees, and all are told at once. */
static void jumps_while_nobody_waits_are_added_up(void)
{
    for (int i = 0; i < 3; i++) {
        cothread_fail_clock(HOUR, 0);
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    }
    expect(wait_for_jump(COTHREAD_NOW), 3);
    expect(moved > 3 * HOUR - COTHREAD_SECOND && moved < 3 * HOUR + COTHREAD_SECOND, 1);
}

static int told;

static void *waits(void *unused)
{
    expect(wait_for_jump(COTHREAD_FOREVER), 1);
    told++;
    return unused;
}

static void *jumps_from_outside(void *unused)
{
    usleep(1000);
    cothread_fail_clock(-HOUR, 0);
    return unused;
}

static void everybody_who_waits_is_told_at_once(void)
{
    pthread_t thread;
    cothread_handle tasks[3];
    told = 0;
    for (int i = 0; i < 3; i++)
        tasks[i] = handle(cothread_spawn(waits, NULL, NULL));
    expect(cothread_yield(), 0);
    expect(pthread_create(&thread, NULL, jumps_from_outside, NULL), 0);
    for (int i = 0; i < 3; i++)
        expect(cothread_join(tasks[i], NULL, COTHREAD_FOREVER), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(told, 3);
    expect(wait_for_jump(COTHREAD_NOW), COTHREAD_ETIMEDOUT);
}

/* They count the time in which the machine is awake, whatever date it is. */
static void deadlines_and_timers_do_not_notice(void)
{
    int64_t deadline = cothread_after(20 * COTHREAD_MILLISECOND);
    cothread_handle timer = handle(cothread_timer_create(0));
    cothread_item item = {.kind = COTHREAD_ITEM_TIMER, .object = timer};
    expect(cothread_timer_set(timer, deadline, 0), 0);
    cothread_fail_clock(HOUR, HOUR);
    expect(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), 1);
    expect(item.result, 1);
    expect((int64_t)item.value, deadline);
    expect(cothread_now() >= deadline && cothread_now() < deadline + HOUR, 1);
    deadline = cothread_after(20 * COTHREAD_MILLISECOND);
    cothread_fail_clock(-HOUR, 0);
    expect(cothread_sleep_until(deadline), 0);
    expect(cothread_now() >= deadline && cothread_now() < deadline + HOUR, 1);
    expect(wait_for_jump(COTHREAD_NOW) >= 1, 1);
    expect(cothread_close(timer), 0);
}

static void a_host_that_polls_lists_is_told(void)
{
    hosted(COTHREAD_HOST_POLLS);
    jumps = handle(cothread_timer_create(COTHREAD_CLOCK_JUMPS));
    cothread_handle task = handle(cothread_host_create(7, NULL, 0));
    cothread_item item = {.kind = COTHREAD_ITEM_TIMER, .object = jumps};
    for (int i = 0; i < 3; i++) {
        request((cothread_request){.task = task, .operation = COTHREAD_WAIT_ITEMS, .fd = 1, .object = sizeof item,
                                   .deadline = COTHREAD_FOREVER, .value = (int64_t)(intptr_t)&item});
        expect(cothread_submit(), 1);
        cothread_fail_clock(HOUR, 0);
        do
            host_round();
        while (ring->ready_count == 0);
        expect(ring->ready[0].token, 7);
        expect(ring->ready[0].events, 1);
        expect(ring->ready[0].value > HOUR - COTHREAD_SECOND, 1);
    }
    finish(task, 0);
    expect(cothread_submit(), 1);
    expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0); /* closes it */
}

int main(void)
{
    handle(cothread_create(NULL));
    jumps = handle(cothread_timer_create(COTHREAD_CLOCK_JUMPS));
    a_jump_is_counted_when_asked();
    jumps_while_nobody_waits_are_added_up();
    everybody_who_waits_is_told_at_once();
    deadlines_and_timers_do_not_notice();
    expect(cothread_close(jumps), 0);
    expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0);
    a_host_that_polls_lists_is_told();
    return 0;
}
