/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler;
static pthread_barrier_t full;

static void callback(void *unused) {
    (void)unused;
}

static void *leaves_it_full(void *unused) {
    cothread_options options = {.size = sizeof options, .callback_bound = 1};
    scheduler = handle(cothread_create(&options));
    while (cothread_post(scheduler, callback, NULL, COTHREAD_NOW) == 0)
        continue;
    pthread_barrier_wait(&full);
    return unused;
}

int main(void) {
    pthread_t thread;
    expect(pthread_barrier_init(&full, NULL, 2), 0);
    expect(pthread_create(&thread, NULL, leaves_it_full, NULL), 0);
    pthread_barrier_wait(&full);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), COTHREAD_EDEAD);
    expect(pthread_join(thread, NULL), 0);
    return 0;
}
