/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Each posted value is either run once or handed back once. */
enum { THREADS = 4, POSTS = 20000 };
static unsigned char seen[THREADS * POSTS];
static cothread_handle scheduler, mailbox;
static int living = THREADS;

static void callback(void *value) {
    __atomic_fetch_add((unsigned char *)value, 1, __ATOMIC_RELAXED);
}

static void ended(void *event) {
    if (--living == 0)
        expect(cothread_event_signal(*(cothread_handle *)event, NULL), 1);
}

static cothread_handle done;

static void *producer(void *first) {
    int i, result;
    for (i = 0; i < POSTS; i++) {
        void *replaced = NULL;
        result = cothread_mailbox_post(mailbox, (unsigned char *)first + i, &replaced);
        expect(result == 0 || result == 1, 1);
        if (result == 1)
            callback(replaced);
    }
    expect(cothread_post(scheduler, ended, &done, COTHREAD_FOREVER), 0);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    int i;
    scheduler = handle(cothread_create(NULL));
    done = handle(cothread_event_create(0));
    mailbox = handle(cothread_mailbox_create(callback, 0, 0));
    for (i = 0; i < THREADS; i++)
        expect(pthread_create(&threads[i], NULL, producer, seen + i * POSTS), 0);
    expect(cothread_event_wait(done, NULL, COTHREAD_FOREVER), 0);
    for (i = 0; i < THREADS; i++)
        expect(pthread_join(threads[i], NULL), 0);
    for (i = 0; i < THREADS * POSTS; i++)
        expect(seen[i], 1);
    return nothing_left();
}
