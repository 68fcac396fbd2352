/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { THREADS = 4 };
static cothread_handle scheduler;
static int run, accepted;
static pthread_barrier_t posting;

static void callback(void *unused) {
    (void)unused;
    run++;
}

static void *posts_until_dead(void *waits) {
    int result, count = 0, met = 0;
    for (;;) {
        result = cothread_post(scheduler, callback, NULL, waits ? COTHREAD_FOREVER : COTHREAD_NOW);
        if (result == COTHREAD_EDEAD)
            break;
        if (result == 0)
            count++;
        else
            expect(waits ? 0 : result, COTHREAD_EFULL);
        if (count == 10 && !met) {
            met = 1;
            pthread_barrier_wait(&posting);
        }
    }
    __atomic_fetch_add(&accepted, count, __ATOMIC_RELAXED);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int round, i;
    for (round = 0; round < 20; round++) {
        cothread_options options = {.size = sizeof options, .callback_bound = 64};
        run = accepted = 0;
        scheduler = handle(cothread_create(&options));
        expect(pthread_barrier_init(&posting, NULL, THREADS + 1), 0);
        for (i = 0; i < THREADS; i++)
            expect(pthread_create(&threads[i], NULL, posts_until_dead, i % 2 ? &run : NULL), 0);
        pthread_barrier_wait(&posting); /* all four have posted and go on */
        expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
        for (i = 0; i < THREADS; i++)
            expect(pthread_join(threads[i], NULL), 0);
        expect(run, accepted);
        expect(pthread_barrier_destroy(&posting), 0);
    }
    return 0;
}
