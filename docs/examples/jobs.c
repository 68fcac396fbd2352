/* Blocking functions are called while other tasks run: their results come back, or are left behind
 * at a deadline.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* A driver's function, as its header has it: it blocks. */
static double read_sensor(int channel, double gain, const char *unit) {
    usleep(2000);
    return strcmp(unit, "mV") == 0 ? 1000 * gain * channel : gain * channel;
}

static void *sample(void *channel) {
    cothread_argument arguments[3] = {
        {COTHREAD_TYPE_INT, 0, {.integer = *(int *)channel}},
        {COTHREAD_TYPE_DOUBLE, 0, {.number = 0.5}},
        {COTHREAD_TYPE_IN, 3, {.pointer = "mV"}}, /* copied: the job owns its memory */
    };
    cothread_job job = {.size = sizeof job, .flags = COTHREAD_OWNS_MEMORY};
    job.function = (cothread_job_function)read_sensor;
    job.arguments = arguments;
    job.count = 3;
    job.type = COTHREAD_TYPE_DOUBLE;
    if (cothread_offload(0, &job, cothread_after(60 * COTHREAD_SECOND)) < 0)
        fprintf(stderr, "%s\n", cothread_last_error());
    else
        printf("channel %d: %g mV\n", *(int *)channel, job.result.number);
    return NULL;
}

/* The lock is another's until it is given up: a task that waits for it in a pool of its own delays
 * nobody, and can stop waiting. */
static int lock_file(int fd) {
    int rc = flock(fd, LOCK_EX);
    close(fd);
    return rc;
}

static int try_for_a_while(cothread_handle pool, int fd) {
    cothread_argument argument = {COTHREAD_TYPE_INT, 0, {.integer = dup(fd)}};
    cothread_job job = {.size = sizeof job, .flags = COTHREAD_OWNS_MEMORY};
    job.function = (cothread_job_function)lock_file;
    job.arguments = &argument;
    job.count = 1;
    job.type = COTHREAD_TYPE_INT;
    int rc = cothread_offload(pool, &job, cothread_after(5 * COTHREAD_MILLISECOND));
    if (!job.called)
        close((int)argument.value.integer); /* it did not begin: the descriptor is ours still */
    return rc;
}

static void first_of_many(void) {
    cothread_item items[4];
    for (int i = 0; i < 4; i++) {
        cothread_argument argument = {COTHREAD_TYPE_INT, 0, {.integer = 1000 * (4 - i)}};
        cothread_job job = {.size = sizeof job, .function = (cothread_job_function)usleep};
        job.arguments = &argument;
        job.count = 1;
        job.type = COTHREAD_TYPE_INT;
        items[i] = (cothread_item){.kind = COTHREAD_ITEM_JOB};
        items[i].object = cothread_job_start(0, &job, COTHREAD_NOW);
        if (items[i].object < 0)
            fprintf(stderr, "%s\n", cothread_last_error());
    }
    int left = 4;
    while (left > 0 && cothread_wait(items, sizeof *items, (size_t)left, COTHREAD_FOREVER, 0) > 0)
        for (int i = left - 1; i >= 0; i--)
            if (items[i].fired) { /* items[i].value is its result, items[i].result its errno */
                cothread_close(items[i].object);
                items[i] = items[--left];
            }
    printf("all slept\n");
}

int main(void) {
    int channels[] = {1, 2, 3}, failed = 0;
    cothread_handle tasks[3], scheduler = cothread_create(NULL);
    for (int i = 0; i < 3; i++)
        tasks[i] = cothread_spawn(sample, &channels[i], NULL);
    for (int i = 0; i < 3; i++)
        cothread_join(tasks[i], NULL, COTHREAD_FOREVER);

    char path[] = "/tmp/cothread-jobs-XXXXXX";
    int holder = mkstemp(path), fd = open(path, O_RDWR | O_CLOEXEC);
    cothread_handle locks = cothread_pool_create(NULL);
    if (flock(holder, LOCK_EX) == 0 && try_for_a_while(locks, fd) == COTHREAD_ETIMEDOUT)
        printf("the lock is another's\n");
    else
        failed = 1;
    close(holder); /* now the call that was left behind gets it */
    close(fd);
    unlink(path);
    cothread_close(locks);

    first_of_many();
    return cothread_destroy(scheduler, COTHREAD_FOREVER) || failed;
}
