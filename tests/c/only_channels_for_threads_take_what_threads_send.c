/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle plain, open_to_threads, closed;

static void refused(int plain_answer) {
    int64_t element = 1;
    expect(cothread_channel_send(plain, &element, COTHREAD_NOW), plain_answer);
    expect(cothread_channel_send(plain, &element, COTHREAD_FOREVER), plain_answer);
    expect(cothread_channel_send(closed, &element, COTHREAD_FOREVER), COTHREAD_EHANDLE);
    expect(cothread_channel_send(open_to_threads, NULL, COTHREAD_FOREVER), COTHREAD_EINVAL);
    expect(cothread_channel_send(open_to_threads + 1, &element, COTHREAD_FOREVER) < 0, 1); /* not made yet */
    expect(cothread_channel_send(open_to_threads, &element, COTHREAD_NOW), 0);
    expect(cothread_channel_receive(open_to_threads, &element, COTHREAD_NOW), plain_answer);
    expect(cothread_channel_done(open_to_threads), plain_answer);
}

static void *without_a_scheduler(void *unused) {
    refused(COTHREAD_ENOSCHEDULER);
    return unused;
}

static void *with_another_scheduler(void *unused) {
    handle(cothread_create(NULL));
    refused(COTHREAD_ETHREAD);
    expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    int64_t element = 0;
    pthread_t thread;
    handle(cothread_create(NULL));
    expect(cothread_channel_create(8, 0, COTHREAD_FROM_THREADS), COTHREAD_EINVAL);
    expect(cothread_channel_create(8, 1, COTHREAD_FROM_THREADS << 1), COTHREAD_EINVAL);
    plain = handle(cothread_channel_create(8, 1, 0));
    closed = handle(cothread_channel_create(8, 1, COTHREAD_FROM_THREADS));
    expect(cothread_close(closed), 0);
    open_to_threads = handle(cothread_channel_create(8, 2, COTHREAD_FROM_THREADS));
    expect(cothread_channel_send(open_to_threads, NULL, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(pthread_create(&thread, NULL, without_a_scheduler, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(pthread_create(&thread, NULL, with_another_scheduler, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    for (int i = 0; i < 2; i++) {
        expect(cothread_channel_receive(open_to_threads, &element, COTHREAD_NOW), 0);
        expect(element, 1);
    }
    expect(cothread_channel_receive(open_to_threads, &element, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_close(plain), 0);
    expect(cothread_close(open_to_threads), 0);
    return nothing_left();
}
