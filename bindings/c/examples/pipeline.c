/* pipeline.c - a source, three workers and a sink, joined by channels; a group waits for the
 * workers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each task is written as if it were alone. Backpressure comes with the channels: a full one lets
 * its senders wait.
 */
#include <cothread.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUMBERS = 1000, WORKERS = 3, CAPACITY = 16 };

static cothread_handle numbers, squares;

static int checked(int result, const char *call) {
    if (result < 0) {
        fprintf(stderr, "pipeline: %s: %s\n", call, cothread_last_error());
        exit(1);
    }
    return result;
}
#define CHECKED(call) checked(call, #call)

static void *source(void *unused) {
    (void)unused;
    for (long i = 1; i <= NUMBERS; i++)
        CHECKED(cothread_channel_send(numbers, &i, COTHREAD_FOREVER));
    CHECKED(cothread_channel_done(numbers)); /* workers that wait for more get COTHREAD_ECLOSED */
    return NULL;
}

static void *worker(void *unused) {
    (void)unused;
    long number;
    while (cothread_channel_receive(numbers, &number, COTHREAD_FOREVER) == 0) {
        number *= number;
        CHECKED(cothread_channel_send(squares, &number, COTHREAD_FOREVER));
    }
    return NULL;
}

static void *sink(void *unused) {
    (void)unused;
    long sum = 0, square;
    while (cothread_channel_receive(squares, &square, COTHREAD_FOREVER) == 0)
        sum += square;
    return (void *)sum;
}

int main(void) {
    cothread_handle scheduler = cothread_create(NULL);
    if (scheduler < 0) {
        fprintf(stderr, "pipeline: %s\n", cothread_last_error());
        return 1;
    }
    numbers = cothread_channel_create(sizeof(long), CAPACITY, 0);
    squares = cothread_channel_create(sizeof(long), CAPACITY, 0);
    cothread_handle workers = cothread_group_create(0);
    for (int i = 0; i < WORKERS; i++)
        CHECKED(cothread_group_add(workers, cothread_spawn(worker, NULL, NULL)));
    cothread_handle total = cothread_spawn(sink, NULL, NULL);
    CHECKED(cothread_detach(cothread_spawn(source, NULL, NULL)));

    /* main is a task: the others run while it waits. */
    CHECKED(cothread_group_wait(workers, 0, COTHREAD_FOREVER));
    CHECKED(cothread_channel_done(squares));
    void *sum;
    CHECKED(cothread_join(total, &sum, COTHREAD_FOREVER));
    printf("the sum of the first %d squares is %ld\n", NUMBERS, (long)sum);
    return cothread_destroy(scheduler, COTHREAD_NOW);
}
