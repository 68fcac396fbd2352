/* SPDX-License-Identifier: Apache-2.0
 * A timer's expiries are counted, and stay in step; a change reaches those who wait for it; each of them is told once. */
#include "items.h"

static cothread_handle timer, idle;
static int results[3];
static cothread_item told[3][2];

static void *waits(void *argument) {
    int i = (int)(intptr_t)argument;
    told[i][0] = TIMER(timer);
    told[i][1] = EVENT(idle);
    results[i] = wait_items(told[i], 2, COTHREAD_FOREVER, 0);
    return NULL;
}

int main(void) {
    cothread_handle tasks[3];
    cothread_item item;
    int64_t now;
    int i;
    handle(cothread_create(NULL));
    timer = handle(cothread_timer_create(0));
    idle = handle(cothread_event_create(0));
    expect(cothread_timer_create(1u << 31), COTHREAD_EINVAL);
    expect(cothread_timer_set(timer, COTHREAD_NOW, -1), COTHREAD_EINVAL);
    item = TIMER(timer);
    expect(wait_items(&item, 1, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT); /* it is stopped */

    /* Ten periods of a second and a half are over, and nobody learnt of one: they are counted. */
    now = cothread_now();
    expect(cothread_timer_set(timer, now - 15 * COTHREAD_SECOND, 3 * COTHREAD_SECOND / 2), 0);
    expect(wait_items(&item, 1, COTHREAD_FOREVER, 0), 1);
    expect(item.result >= 11, 1);
    expect((int64_t)item.value, now - 15 * COTHREAD_SECOND + (item.result - 1) * 3 * COTHREAD_SECOND / 2);
    expect(wait_items(&item, 1, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
    expect(cothread_timer_set(timer, COTHREAD_FOREVER, 0), 1);
    expect(cothread_timer_set(timer, COTHREAD_FOREVER, 0), 0);

    /* In step, whatever passes between two waits. */
    now = cothread_now();
    expect(cothread_timer_set(timer, now + COTHREAD_MILLISECOND, COTHREAD_MILLISECOND), 0);
    for (i = 0; i < 20;) {
        expect(wait_items(&item, 1, COTHREAD_FOREVER, 0), 1);
        i += item.result;
        expect((int64_t)item.value, now + i * COTHREAD_MILLISECOND);
        expect(cothread_now() >= (int64_t)item.value, 1);
    }
    expect(cothread_timer_set(timer, COTHREAD_FOREVER, 0), 1);

    /* Set, set later and set to now while three tasks wait: all are told, once. */
    for (i = 0; i < 3; i++)
        tasks[i] = spawn(waits, (void *)(intptr_t)i);
    expect(cothread_yield(), 0);
    expect(cothread_timer_set(timer, cothread_after(COTHREAD_MILLISECOND), 0), 0);
    expect(cothread_timer_set(timer, cothread_after(10 * COTHREAD_SECOND), 0), 1);
    expect(cothread_sleep_until(cothread_after(3 * COTHREAD_MILLISECOND)), 0); /* they wake for the first, and wait on */
    expect(cothread_join(tasks[0], NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_timer_set(timer, COTHREAD_NOW, 0), 1);
    for (i = 0; i < 3; i++) {
        join(tasks[i]);
        expect(results[i], 1);
        expect(told[i][0].result, 1);
    }
    expect(wait_items(&item, 1, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);

    /* The wait's own deadline is another one. */
    expect(cothread_timer_set(timer, cothread_after(10 * COTHREAD_SECOND), 0), 0);
    expect(wait_items(&item, 1, cothread_after(COTHREAD_MILLISECOND), 0), COTHREAD_ETIMEDOUT);
    expect(cothread_close(timer), 0);
    return nothing_left();
}
