/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler, event;

static void callback(void *unused) {
    (void)unused;
    expect(cothread_event_signal(event, NULL), 1);
}

static void *posts(void *unused) {
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    return unused;
}

int main(void) {
    pthread_t thread;
    int i;
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    for (i = 0; i < 1000; i++) { /* asleep, falling asleep or not yet: no wakeup may be lost */
        expect(pthread_create(&thread, NULL, posts, NULL), 0);
        expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
        expect(pthread_join(thread, NULL), 0);
    }
    return nothing_left();
}
