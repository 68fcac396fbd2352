/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "limit.h"

static int ran;

static void *task(void *argument) {
    expect(cothread_yield(), 0);
    ran++;
    return argument;
}

int main(void) {
    cothread_task_options options = {sizeof options, 0, 1u << 30, 0, "large"};
    cothread_handle tasks[8], scheduler;
    cothread_stats stats;
    void *result;
    intptr_t count = 0, i;
    if (SANITIZED)
        return 0; /* its shadow takes address space by itself */
    scheduler = handle(cothread_create(NULL));
    limit_address_space((3ul << 30) + (512ul << 20)); /* three stacks, and what Go may want meanwhile */
    while (count < 8 && (tasks[count] = cothread_spawn(task, (void *)count, &options)) > 0)
        count++;
    expect(count, 3);
    expect(tasks[count], COTHREAD_ENOMEM);
    if (!strstr(cothread_last_error(), "stack of 1073741824 bytes"))
        fail_at(__FILE__, __LINE__, "last error: %s", cothread_last_error());
    stats = statistics(scheduler);
    expect(stats.tasks_spawned, count); /* the refused one left nothing behind */
    expect(stats.tasks_ready, count);
    expect(stats.stacks_in_use, count);
    for (i = 0; i < count; i++) {
        expect(cothread_join(tasks[i], &result, COTHREAD_FOREVER), 0);
        expect((intptr_t)result, i);
    }
    expect(ran, count);
    for (i = 0; i < count; i++) /* their stacks serve again, with no new one to be had */
        tasks[i] = handle(cothread_spawn(task, NULL, &options));
    expect(cothread_spawn(task, NULL, &options), COTHREAD_ENOMEM);
    limit_address_space(RLIM_INFINITY);
    tasks[count++] = handle(cothread_spawn(task, NULL, &options));
    for (i = 0; i < count; i++)
        join(tasks[i]);
    return nothing_left();
}
