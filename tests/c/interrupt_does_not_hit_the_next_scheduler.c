/* SPDX-License-Identifier: Apache-2.0
 * A number is used again by the next scheduler; a late cothread_interrupt must not end that one's wait. */
#include <stdatomic.h>

#include "test.h"

enum { ROUNDS = 300, THREADS = 4 };
static _Atomic cothread_handle target;
static _Atomic int stop;

static void *interrupts(void *unused) {
    while (!stop)
        cothread_interrupt(target);
    return unused;
}

int main(void) {
    pthread_t threads[THREADS];
    int i;
    for (i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, interrupts, NULL), 0);
    for (i = 0; i < ROUNDS; i++) {
        cothread_handle scheduler = handle(cothread_create(NULL));
        target = scheduler;
        cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND / 10));
        expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
        scheduler = handle(cothread_create(NULL)); /* whose handle nobody has */
        expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
        expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    }
    stop = 1;
    for (i = 0; i < THREADS; i++)
        expect(pthread_join(threads[i], NULL), 0);
    return 0;
}
