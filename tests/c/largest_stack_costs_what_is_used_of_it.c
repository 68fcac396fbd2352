/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *argument) {
    expect(cothread_yield(), 0);
    return argument;
}

int main(void) {
    cothread_task_options options = {sizeof options, 0, 1u << 30, 0, "large"};
    cothread_handle tasks[4];
    int i;
    handle(cothread_create(NULL));
    for (i = 0; i < 4; i++)
        tasks[i] = handle(cothread_spawn(task, NULL, &options));
    for (i = 0; i < 4; i++)
        join(tasks[i]);
    expect(statistics(cothread_current()).stacks_in_use, 0);
    return nothing_left();
}
