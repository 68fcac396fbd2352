/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sched.h>

static cothread_handle scheduler, event;

static void callback(void *unused) {
    (void)unused;
}

static void wakes(void *unused) {
    (void)unused;
    expect(cothread_event_signal(event, NULL), 1);
}

static uint64_t waits_sampled(void) {
    cothread_stats stats = statistics(scheduler);
    uint64_t sum = 0;
    int i;
    for (i = 0; i < 32; i++)
        sum += stats.callback_wait[i];
    return sum;
}

static void *posts_to_a_sleeper(void *sleeps) {
    while (statistics(scheduler).sleeps == *(uint64_t *)sleeps)
        sched_yield();
    expect(cothread_post(scheduler, wakes, NULL, COTHREAD_NOW), 0);
    return NULL;
}

static void *waits(void *unused) {
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    return unused;
}

static void *sleeps(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), 0);
    while (statistics(scheduler).timers_fired == 0) /* a deadline that passed before the wait began needs no timer */
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    return unused;
}

static void *reads(void *result) {
    *(cothread_stats *)result = statistics(scheduler); /* from a thread without a scheduler */
    return NULL;
}

int main(void) {
    cothread_stats before, stats;
    cothread_handle tasks[3];
    pthread_t thread;
    uint64_t sampled;
    int i;
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(COTHREAD_MANUAL_RESET));
    before = statistics(scheduler);
    expect(before.size, sizeof before);
    expect(before.guard == COTHREAD_GUARD_KERNEL || before.guard == COTHREAD_GUARD_PROTECT ||
               before.guard == COTHREAD_GUARD_CANARY,
           1);
    expect(before.tasks_spawned, 0);
    expect(before.tasks_ready + before.tasks_waiting + before.tasks_ended, 0);
    expect(before.callback_bound, 65536);

    for (i = 0; i < 3; i++)
        tasks[i] = spawn(i < 2 ? waits : sleeps, NULL);
    stats = statistics(scheduler);
    expect(stats.tasks_spawned, 3);
    expect(stats.tasks_ready, 3);
    expect(stats.tasks_waiting, 0);

    expect(cothread_yield(), 0);
    stats = statistics(scheduler);
    expect(stats.tasks_waiting, 3);
    expect(stats.tasks_ready, 0);
    expect(stats.stacks_in_use >= 3, 1);
    expect(stats.stack_bytes >= 3 * 65536, 1);
    expect(stats.ticks > before.ticks, 1);
    expect(stats.switches >= before.switches + 3, 1);

    expect(cothread_wakeup(tasks[2]), 1);
    join(tasks[2]);
    stats = statistics(scheduler);
    expect(stats.timers_fired, 1);
    expect(stats.timers_armed, 0);
    expect(stats.polls >= stats.sleeps, 1);

    expect(cothread_event_signal(event, NULL), 2);
    expect(cothread_yield(), 0);
    expect(pthread_create(&thread, NULL, reads, &stats), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(stats.tasks_ended, 2);
    expect(stats.tasks_ready + stats.tasks_waiting, 0);
    join(tasks[0]);
    join(tasks[1]);
    expect(statistics(scheduler).tasks_ended, 0);

    for (i = 0; i < 10; i++)
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    stats = statistics(scheduler);
    expect(stats.callback_accepted, 10);
    expect(stats.callback_depth, 10);
    expect(stats.callback_high_water, 10);
    expect(cothread_yield(), 0);
    stats = statistics(scheduler);
    expect(stats.callback_run, 10);
    expect(stats.callback_depth, 0);
    expect(stats.callback_refused, 0);

    expect(cothread_event_reset(event), 1);
    sampled = waits_sampled();
    for (i = 0; i < 100 && waits_sampled() == sampled; i++) { /* a signal of Go's may wake it just before the post */
        uint64_t sleeps_before = statistics(scheduler).sleeps;
        expect(pthread_create(&thread, NULL, posts_to_a_sleeper, &sleeps_before), 0);
        expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
        expect(pthread_join(thread, NULL), 0);
        expect(cothread_event_reset(event), 1);
    }
    expect(waits_sampled() >= sampled + 1, 1);
    return nothing_left();
}
