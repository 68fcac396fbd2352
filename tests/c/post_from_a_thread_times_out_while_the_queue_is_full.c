/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle scheduler;

static void callback(void *name) {
    note("%s", (char *)name);
}

static void *posts(void *unused) {
    int64_t deadline = cothread_after(2 * COTHREAD_MILLISECOND);
    expect(cothread_post(scheduler, callback, "late", deadline), COTHREAD_ETIMEDOUT);
    expect(cothread_now() >= deadline, 1);
    expect(cothread_post(scheduler, callback, "late", 0), COTHREAD_ETIMEDOUT);
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 1};
    pthread_t thread;
    scheduler = handle(cothread_create(&options));
    while (cothread_post(scheduler, callback, "first", COTHREAD_NOW) == 0)
        continue;
    expect(pthread_create(&thread, NULL, posts, NULL), 0);
    expect(pthread_join(thread, NULL), 0); /* this thread does not run its scheduler meanwhile */
    expect(cothread_yield(), 0);
    expect(strstr(order, "late") == NULL, 1);
    expect(statistics(scheduler).callback_refused, 3); /* one EFULL, two timeouts */
    return nothing_left();
}
