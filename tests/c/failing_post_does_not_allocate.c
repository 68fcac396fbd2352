/* A signal handler may post, and the post may fail: inside malloc the handler must not allocate.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <dlfcn.h>

static _Atomic int allocations;

#if !SANITIZED
void *malloc(size_t size) {
    static void *(*real)(size_t);
    allocations++;
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "malloc");
    return real(size);
}
#endif

static cothread_handle scheduler, event, gone;
static int answers[4];

static void callback(void *unused) {
    (void)unused;
}

static void handler(int number) {
    int before = allocations;
    (void)number;
    answers[0] = cothread_post(event, callback, NULL, COTHREAD_NOW);
    answers[1] = cothread_post(gone, callback, NULL, COTHREAD_NOW);
    answers[2] = cothread_mailbox_post(event, NULL, NULL);
    while ((answers[3] = cothread_post(scheduler, callback, NULL, COTHREAD_NOW)) == 0)
        ;
    if (allocations != before)
        fail_at(__FILE__, __LINE__, "%d allocations", allocations - before);
}

static void *leaves(void *unused) {
    gone = handle(cothread_create(NULL));
    expect(nothing_left(), 0);
    return unused;
}

static void *is_hit(void *unused) {
    expect(raise(SIGUSR1), 0); /* a thread on which no call has failed yet */
    expect(strstr(cothread_last_error(), "full") != NULL, 1);
    return unused;
}

int main(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = 8};
    pthread_t thread;
    signal(SIGUSR1, handler);
    scheduler = handle(cothread_create(&options));
    event = handle(cothread_event_create(0));
    expect(pthread_create(&thread, NULL, leaves, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(pthread_create(&thread, NULL, is_hit, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(answers[0], COTHREAD_EHANDLE);
    expect(answers[1], COTHREAD_EDEAD);
    expect(answers[2], COTHREAD_EHANDLE);
    expect(answers[3], COTHREAD_EFULL);
    expect(cothread_close(event), 0);
    expect(cothread_yield(), 0);
    return nothing_left();
}
