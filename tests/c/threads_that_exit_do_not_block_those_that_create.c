/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* A thread that has destroyed its scheduler exits while another creates and destroys its own. Neither may wait for the
 * other for ever: when each of these calls stopped the world, 2 runs of 4 did not end. */
enum { THREADS = 3000, SCHEDULERS = 6 };

static void *lives_and_exits(void *unused) {
    expect(cothread_destroy(handle(cothread_create(NULL)), COTHREAD_NOW), 0);
    return unused;
}

int main(void) {
    pthread_t thread;
    int i, j;
    for (i = 0; i < THREADS; i++) {
        expect(pthread_create(&thread, NULL, lives_and_exits, NULL), 0);
        for (j = 0; j < SCHEDULERS; j++) {
            cothread_handle scheduler = handle(cothread_create(NULL));
            expect(cothread_current(), scheduler);
            expect(cothread_destroy(scheduler, COTHREAD_NOW), 0);
        }
        expect(pthread_join(thread, NULL), 0);
    }
    return 0;
}
