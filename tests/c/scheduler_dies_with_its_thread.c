/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler, mailbox;
static pthread_barrier_t ends_now;

static void callback(void *unused) {
    (void)unused;
}

static void *waits(void *unused) {
    cothread_wait_until(COTHREAD_FOREVER);
    return unused;
}

static void *leaves_it_alive(void *unused) {
    scheduler = handle(cothread_create(NULL));
    mailbox = handle(cothread_mailbox_create(callback, 0, 0));
    expect(cothread_detach(spawn(waits, NULL)), 0);
    expect(cothread_yield(), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    pthread_barrier_wait(&ends_now);
    return unused;
}

int main(void) {
    cothread_stats stats = {.size = sizeof stats};
    pthread_t thread;
    int i;
    expect(pthread_barrier_init(&ends_now, NULL, 2), 0);
    for (i = 0; i < 50; i++) {
        expect(pthread_create(&thread, NULL, leaves_it_alive, NULL), 0);
        pthread_barrier_wait(&ends_now);
        expect(pthread_join(thread, NULL), 0);
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), COTHREAD_EDEAD);
        expect(cothread_post(scheduler, callback, NULL, COTHREAD_FOREVER), COTHREAD_EDEAD);
        expect(cothread_mailbox_post(mailbox, NULL, NULL), COTHREAD_EDEAD);
        expect(cothread_interrupt(scheduler), COTHREAD_EDEAD);
        expect(cothread_statistics(scheduler, &stats), COTHREAD_EDEAD);
        expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_ENOSCHEDULER);
    }
    /* this thread is not disturbed by the dead ones */
    handle(cothread_create(NULL));
    return nothing_left();
}
