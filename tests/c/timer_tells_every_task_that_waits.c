/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

/* All that wait for a timer are told of the same expiry, beside what else they wait for; those that come later are not. */
enum { TASKS = 5, TURNS = 20 };

static cothread_handle timer, event;
static int64_t told_at[TASKS][TURNS];
static int told[TASKS][TURNS];
static int in_step;

static void *waits(void *number) {
    int me = (int)(intptr_t)number;
    for (int turn = 0; turn < TURNS; turn++) {
        cothread_item items[] = {
            {.kind = COTHREAD_ITEM_EVENT, .object = event},
            {.kind = COTHREAD_ITEM_TIMER, .object = timer},
        };
        expect(cothread_wait(items, sizeof *items, 2, COTHREAD_FOREVER, 0), 1);
        expect(items[1].fired, 1);
        told[me][turn] = items[1].result;
        told_at[me][turn] = (int64_t)items[1].value;
        if (++in_step % TASKS == 0) /* the next is set when all have been told of this one */
            expect(cothread_timer_set(timer, cothread_after(COTHREAD_MILLISECOND), 0), 0);
    }
    return NULL;
}

int main(void) {
    cothread_handle tasks[TASKS], scheduler = handle(cothread_create(NULL));
    timer = handle(cothread_timer_create(0));
    event = handle(cothread_event_create(0));
    expect(statistics(scheduler).timers, 1);
    for (intptr_t i = 0; i < TASKS; i++)
        tasks[i] = spawn(waits, (void *)i);
    expect(cothread_yield(), 0);
    expect(cothread_timer_set(timer, cothread_after(COTHREAD_MILLISECOND), 0), 0);
    for (int i = 0; i < TASKS; i++)
        join(tasks[i]);
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < TASKS; i++) {
            expect(told[i][turn], 1);
            expect(told_at[i][turn], told_at[0][turn]);
            expect(turn == 0 || told_at[i][turn] > told_at[i][turn - 1], 1);
        }
    expect(cothread_close(timer), 0);
    expect(cothread_close(event), 0);
    expect(statistics(scheduler).timers, 0);
    return nothing_left();
}
