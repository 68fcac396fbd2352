/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Waiters for all sorts of numbers come while members end, and some leave: each is woken by the
 * end it waits for, those of one number in the order in which they came. */
enum { ENDS = 700, WAITERS = 4000 };

static cothread_handle group, gate;
static uint32_t numbers[WAITERS];
static int last_of[2 * ENDS + 1];
static int ends, begun, woken, cancelled;

static uint32_t random_below(uint32_t bound) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % bound;
}

static void *waiter(void *argument) {
    int me = (int)(intptr_t)argument, result;
    begun++;
    result = cothread_group_wait(group, numbers[me], COTHREAD_FOREVER);
    if (result == COTHREAD_ECANCELED) {
        cancelled++;
        return NULL;
    }
    expect(result, ends);
    if (ends <= ENDS) { /* the group has members still */
        expect(numbers[me], (uint32_t)ends);
        expect(last_of[numbers[me]] < me, 1);
        last_of[numbers[me]] = me;
    }
    woken++;
    return NULL;
}

static void *member(void *unused) {
    expect(cothread_event_wait(gate, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *ended(void *unused) {
    return unused;
}

int main(void) {
    static cothread_handle tasks[WAITERS];
    int i, started = 0;
    handle(cothread_create(NULL));
    gate = handle(cothread_event_create(0));
    group = handle(cothread_group_create(0));
    expect(cothread_group_add(group, spawn(member, NULL)), 0);
    memset(last_of, -1, sizeof last_of);
    for (i = 0; i < ENDS; i++) {
        cothread_handle task;
        for (; started < WAITERS * (i + 1) / ENDS; started++) {
            numbers[started] = 1 + (uint32_t)i + random_below(random_below(2) ? 8 : 2 * ENDS - (uint32_t)i);
            tasks[started] = spawn(waiter, (void *)(intptr_t)started);
        }
        expect(cothread_yield(), 0);
        expect(begun, started);
        cothread_cancel(tasks[random_below((uint32_t)started)]); /* some have ended */
        task = spawn(ended, NULL);
        expect(cothread_yield(), 0);
        ends++;
        expect(cothread_group_add(group, task), 0);
        expect(cothread_yield(), 0);
    }
    for (i = 0; i < WAITERS; i++) /* nobody who should have been woken waits still */
        expect(numbers[i] > ENDS || cothread_join(tasks[i], NULL, COTHREAD_NOW) == 0, 1);
    ends++;
    expect(cothread_event_signal(gate, NULL), 1);
    for (i = 0; i < WAITERS; i++)
        if (numbers[i] > ENDS)
            join(tasks[i]);
    expect(woken + cancelled, WAITERS);
    expect(cothread_close(group), 0);
    return nothing_left();
}
