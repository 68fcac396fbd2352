/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *argument) {
    return argument;
}

static cothread_options scheduler_options(void) {
    cothread_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    return options;
}

#define refuse_scheduler(field, wrong) \
    do { \
        cothread_options options = scheduler_options(); \
        options.field = (wrong); \
        expect(cothread_create(&options), COTHREAD_EINVAL); \
        expect(cothread_last_error()[0] != 0, 1); \
        expect(cothread_current(), COTHREAD_ENOSCHEDULER); \
    } while (0)

#define accept_scheduler(field, right) \
    do { \
        cothread_options options = scheduler_options(); \
        options.field = (right); \
        expect(cothread_destroy(handle(cothread_create(&options)), COTHREAD_FOREVER), 0); \
    } while (0)

#define refuse_task(field, wrong) \
    do { \
        cothread_task_options options = {sizeof options, 0, 0, 0, NULL}; \
        options.field = (wrong); \
        expect(cothread_spawn(task, NULL, &options), COTHREAD_EINVAL); \
        expect(cothread_last_error()[0] != 0, 1); \
    } while (0)

int main(void) {
    cothread_task_options null_name = {sizeof null_name, 0, 0, 0, NULL};

    refuse_scheduler(size, 0);
    refuse_scheduler(size, sizeof(cothread_options) - 1);
    refuse_scheduler(size, UINT32_MAX);
    refuse_scheduler(flags, COTHREAD_HOST_POLLS); /* only with COTHREAD_HOSTED */
    refuse_scheduler(flags, 4);
    refuse_scheduler(flags, 0x80000000u);
    refuse_scheduler(timer_slack, 1000000001);
    refuse_scheduler(timer_slack, UINT32_MAX);
    refuse_scheduler(stack_size, 1);
    refuse_scheduler(stack_size, 16383);
    refuse_scheduler(stack_size, (1u << 30) + 1);
    refuse_scheduler(stack_size, UINT32_MAX);
    refuse_scheduler(callback_bound, 1048577);
    refuse_scheduler(callback_bound, UINT32_MAX);
    accept_scheduler(stack_size, 16384);
    accept_scheduler(stack_size, 16385);
    accept_scheduler(stack_size, 1u << 30);
    accept_scheduler(timer_slack, 1);
    accept_scheduler(timer_slack, 1000000000);
    accept_scheduler(callback_bound, 1);
    accept_scheduler(callback_bound, 1048576);
    accept_scheduler(callback_budget, 1);
    accept_scheduler(callback_budget, 1048576);

    handle(cothread_create(NULL));
    refuse_task(size, 0);
    refuse_task(size, sizeof(cothread_task_options) - 1);
    refuse_task(size, UINT32_MAX);
    refuse_task(flags, 2);
    refuse_task(flags, 0x80000000u);
    refuse_task(reserved, 1);
    refuse_task(stack_size, 1);
    refuse_task(stack_size, 16383);
    refuse_task(stack_size, (1u << 30) + 1);
    refuse_task(stack_size, UINT32_MAX);
    join(handle(cothread_spawn(task, NULL, &null_name)));
    expect(cothread_spawn(NULL, NULL, NULL), COTHREAD_EINVAL);
    return nothing_left();
}
