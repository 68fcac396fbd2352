/* Two threads send readings to one task, which loses none. docs/callbacks.md quotes this program.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cothread.h>
#include <pthread.h>
#include <stdio.h>

enum { READINGS = 1000 };

typedef struct {
    int instrument, value;
} reading;

static cothread_handle readings;

static void *instrument(void *number) {
    for (int i = 1; i <= READINGS; i++) {
        reading one = {*(int *)number, i};
        if (cothread_channel_send(readings, &one, COTHREAD_FOREVER) < 0)
            fprintf(stderr, "%s\n", cothread_last_error());
    }
    return NULL;
}

static void *archive(void *unused) {
    reading reading;
    long count = 0, sum = 0;
    while (cothread_channel_receive(readings, &reading, COTHREAD_FOREVER) == 0) {
        count++;
        sum += reading.value;
    }
    printf("%ld readings, %ld in all\n", count, sum);
    return unused;
}

/* A thread of its own: pthread_join would stop the scheduler's, and the task that makes room. */
static void *wait_for_both(void *done) {
    static int numbers[2] = {1, 2};
    pthread_t threads[2];
    int nothing = 0;
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, instrument, &numbers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    if (cothread_channel_send(*(cothread_handle *)done, &nothing, COTHREAD_FOREVER) < 0)
        fprintf(stderr, "%s\n", cothread_last_error());
    return NULL;
}

int main(void) {
    int nothing;
    pthread_t thread;
    cothread_handle scheduler = cothread_create(NULL);
    cothread_handle done = cothread_channel_create(sizeof nothing, 1, COTHREAD_FROM_THREADS);
    readings = cothread_channel_create(sizeof(reading), 64, COTHREAD_FROM_THREADS);
    cothread_handle task = cothread_spawn(archive, NULL, NULL);
    pthread_create(&thread, NULL, wait_for_both, &done);
    if (cothread_channel_receive(done, &nothing, COTHREAD_FOREVER) == 0)
        cothread_channel_done(readings);
    cothread_join(task, NULL, COTHREAD_FOREVER);
    pthread_join(thread, NULL);
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
