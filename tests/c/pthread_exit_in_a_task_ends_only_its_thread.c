/* pthread_exit in a task ends the thread, as it does everywhere; the scheduler goes with it, and other threads go on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *sleeps(void *unused) {
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    return unused;
}

static void *ends_the_thread(void *result) {
    expect(cothread_yield(), 0);
    pthread_exit(result);
}

static cothread_handle gone;

static void *has_a_scheduler(void *result) {
    gone = handle(cothread_create(NULL));
    expect(cothread_detach(spawn(sleeps, NULL)), 0);
    cothread_join(spawn(ends_the_thread, result), NULL, COTHREAD_FOREVER);
    fail_at(__FILE__, __LINE__, "the thread goes on");
    return NULL;
}

static _Atomic int done;

static void *goes_on(void *unused) {
    while (!done) {
        handle(cothread_create(NULL));
        for (int i = 0; i < 20; i++)
            join(spawn(sleeps, NULL));
        expect(nothing_left(), 0);
    }
    return unused;
}

static void callback(void *unused) {
    (void)unused;
}

int main(void) {
    pthread_t other, thread;
    void *result;
    expect(pthread_create(&other, NULL, goes_on, NULL), 0);
    for (int i = 0; i < 50; i++) {
        expect(pthread_create(&thread, NULL, has_a_scheduler, &result), 0);
        expect(pthread_join(thread, &result), 0);
        expect(result == (void *)&result, 1);
        expect(cothread_post(gone, callback, NULL, COTHREAD_NOW), COTHREAD_EDEAD);
    }
    done = 1;
    expect(pthread_join(other, NULL), 0);
    return 0;
}
