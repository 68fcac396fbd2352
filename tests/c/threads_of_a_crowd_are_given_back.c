/* Many schedulers at once need many threads; afterwards the library keeps few.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "threads.h"

enum { CROWD = 200, MOST = 1 + 16 + 8 }; /* this thread, those kept beside the schedulers', those made ahead */
static pthread_barrier_t all;

static void *has_a_scheduler(void *unused) {
    handle(cothread_create(NULL));
    pthread_barrier_wait(&all);
    for (int i = 0; i < 20; i++)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    pthread_barrier_wait(&all);
    expect(nothing_left(), 0);
    return unused;
}

int main(void) {
    pthread_t threads[CROWD];
    expect(pthread_barrier_init(&all, NULL, CROWD), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CROWD; i++)
            expect(pthread_create(&threads[i], NULL, has_a_scheduler, NULL), 0);
        for (int i = 0; i < CROWD; i++)
            expect(pthread_join(threads[i], NULL), 0);
        while (count_threads() > MOST)
            ; /* they end one after the other */
    }
    handle(cothread_create(NULL));
    return nothing_left();
}
