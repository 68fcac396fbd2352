/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *argument) {
    expect(cothread_yield(), 0);
    return argument;
}

static void *lives_and_dies(void *unused) {
    int i;
    for (i = 0; i < 20; i++) {
        handle(cothread_create(NULL));
        join(spawn(task, NULL));
        expect(cothread_sleep_until(cothread_after(COTHREAD_MICROSECOND)), 0);
        nothing_left();
    }
    return unused;
}

int main(void) {
    pthread_t threads[20];
    int i;
    for (i = 0; i < 20; i++)
        expect(pthread_create(&threads[i], NULL, lives_and_dies, NULL), 0);
    for (i = 0; i < 20; i++)
        expect(pthread_join(threads[i], NULL), 0);
    return 0;
}
