/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { TASKS = 100000 };
static cothread_handle tasks[TASKS], gate;
static int started, ended;

static void *task(void *argument) {
    started++;
    expect(cothread_event_wait(gate, NULL, COTHREAD_FOREVER), 0);
    ended++;
    return argument;
}

int main(void) {
    void *result;
    intptr_t i;
    cothread_handle scheduler = handle(cothread_create(NULL));
    gate = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    for (i = 0; i < TASKS; i++)
        tasks[i] = spawn(task, (void *)i);
    while (started < TASKS)
        expect(cothread_yield(), 0);
    expect(statistics(scheduler).tasks_waiting, TASKS);
    expect(statistics(scheduler).stacks_in_use >= TASKS, 1);
    expect(cothread_event_signal(gate, NULL), TASKS);
    for (i = 0; i < TASKS; i++) {
        expect(cothread_join(tasks[i], &result, COTHREAD_FOREVER), 0);
        expect((intptr_t)result, i);
    }
    expect(ended, TASKS);
    expect(statistics(scheduler).stacks_in_use, 0);
    return nothing_left();
}
