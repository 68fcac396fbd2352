/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { TASKS = 1000 };
static cothread_handle tasks[TASKS];

static void *task(void *argument) {
    return argument;
}

int main(void) {
    void *result;
    intptr_t i;
    cothread_handle scheduler = handle(cothread_create(NULL));
    for (i = 0; i < TASKS; i++)
        tasks[i] = spawn(task, (void *)(i * i));
    expect(cothread_run(COTHREAD_FOREVER), 0);
    expect(statistics(scheduler).tasks_ended, TASKS);
    for (i = TASKS - 1; i >= 0; i--) {
        expect(cothread_join(tasks[i], &result, COTHREAD_NOW), 0);
        expect((intptr_t)result, i * i);
    }
    expect(statistics(scheduler).tasks_ended, 0);
    return nothing_left();
}
