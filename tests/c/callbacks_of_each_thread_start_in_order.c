/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { THREADS = 4, POSTS = 20000 };
static cothread_handle scheduler, done;
static int next[THREADS], ended;
static struct {
    int thread, number;
} posts[THREADS][POSTS];

static void callback(void *argument) {
    int thread = *(int *)argument, number = ((int *)argument)[1];
    expect(number, next[thread]);
    if (++next[thread] == POSTS && ++ended == THREADS)
        expect(cothread_event_signal(done, NULL), 1);
}

static void *producer(void *argument) {
    int thread = *(int *)argument, number;
    for (number = 0; number < POSTS; number++) {
        posts[thread][number].thread = thread;
        posts[thread][number].number = number;
        expect(cothread_post(scheduler, callback, &posts[thread][number], COTHREAD_FOREVER), 0);
    }
    return NULL;
}

int main(void) {
    static const uint32_t bounds[] = {0, 64, 1};
    int names[THREADS] = {0, 1, 2, 3}, i, round;
    pthread_t threads[THREADS];
    for (round = 0; round < 3; round++) { /* roomy; narrow: producers wait; one place */
        cothread_options options = {.size = sizeof options, .callback_bound = bounds[round]};
        cothread_stats stats;
        memset(next, 0, sizeof next);
        ended = 0;
        scheduler = handle(cothread_create(&options));
        done = handle(cothread_event_create(0));
        for (i = 0; i < THREADS; i++)
            expect(pthread_create(&threads[i], NULL, producer, &names[i]), 0);
        expect(cothread_event_wait(done, NULL, COTHREAD_FOREVER), 0);
        for (i = 0; i < THREADS; i++)
            expect(pthread_join(threads[i], NULL), 0);
        stats = statistics(scheduler);
        expect(stats.callback_accepted, THREADS * POSTS);
        expect(stats.callback_run, THREADS * POSTS);
        expect(stats.callback_depth, 0);
        expect(stats.callback_high_water <= stats.callback_bound, 1);
        nothing_left();
    }
    return 0;
}
