/* SPDX-License-Identifier: Apache-2.0
 * A program built against another version of the header has structs of another size: the library takes what it knows,
 * if the rest asks for nothing, and writes no further than it was told. */
#include "test.h"

static void *task(void *argument) {
    return argument;
}

int main(void) {
    struct {
        cothread_options options;
        uint32_t later[2];
    } options = {{sizeof options, 0, 0, 0, 0, 0}, {0, 0}};
    struct {
        cothread_task_options options;
        uint32_t later[2];
    } task_options = {{sizeof task_options, 0, 0, 0, "grown"}, {0, 0}};
    struct {
        cothread_stats stats;
        uint64_t later[2];
    } stats;
    cothread_stats small;
    cothread_handle scheduler;
    size_t i;

    options.later[1] = 1;
    expect(cothread_create(&options.options), COTHREAD_EINVAL);
    options.later[1] = 0;
    scheduler = handle(cothread_create(&options.options));
    task_options.later[0] = 1;
    expect(cothread_spawn(task, NULL, &task_options.options), COTHREAD_EINVAL);
    task_options.later[0] = 0;
    join(handle(cothread_spawn(task, NULL, &task_options.options)));

    memset(&stats, 0xff, sizeof stats);
    stats.stats.size = sizeof stats;
    expect(cothread_statistics(scheduler, &stats.stats), 0);
    expect(stats.stats.size, sizeof stats);
    expect(stats.stats.tasks_spawned, 1);
    expect((int64_t)(stats.later[0] | stats.later[1]), 0);

    memset(&small, 0x55, sizeof small);
    small.size = offsetof(cothread_stats, tasks_ready);
    expect(cothread_statistics(scheduler, &small), 0);
    expect(small.tasks_spawned, 1);
    for (i = offsetof(cothread_stats, tasks_ready); i < sizeof small; i++)
        expect(((unsigned char *)&small)[i], 0x55);

    struct {
        cothread_job job;
        uint64_t later[2];
    } job = {.job = {.size = sizeof job, .function = (cothread_job_function)getpid, .type = COTHREAD_TYPE_INT}, .later = {0, 1}};
    expect(cothread_offload(0, &job.job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    job.later[1] = 0;
    expect(cothread_offload(0, &job.job, COTHREAD_FOREVER), 0);
    expect(job.job.result.integer, getpid());
    job.job.size = sizeof job.job - 4;
    expect(cothread_offload(0, &job.job, COTHREAD_FOREVER), COTHREAD_EINVAL);
    cothread_pool_stats pool;
    memset(&pool, 0x55, sizeof pool);
    pool.size = offsetof(cothread_pool_stats, started);
    expect(cothread_pool_statistics(0, &pool), 0);
    expect(pool.accepted, 1);
    for (i = offsetof(cothread_pool_stats, started); i < sizeof pool; i++)
        expect(((unsigned char *)&pool)[i], 0x55);

    small.size = 4;
    expect(cothread_statistics(scheduler, &small), COTHREAD_EINVAL);
    return nothing_left();
}
