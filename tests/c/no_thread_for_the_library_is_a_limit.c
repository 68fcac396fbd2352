/* Where the system makes no thread, cothread_create says so, leaves none behind and works once there are threads again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "threads.h"

#include <dlfcn.h>

static _Atomic int allowed; /* threads that can still be made */

/* The library's threads come by here too, as a program's own function hides the libc's. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*function)(void *),
                   void *restrict argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (allowed == 0)
        return EAGAIN;
    allowed--;
    return real(thread, attributes, function, argument);
}

static pthread_barrier_t both;

static void *second(void *unused) {
    pthread_barrier_wait(&both);
    expect(cothread_create(NULL), COTHREAD_ELIMIT); /* the first scheduler's have been used up */
    expect(strstr(cothread_last_error(), "threads") != NULL, 1);
    pthread_barrier_wait(&both);
    pthread_barrier_wait(&both);
    handle(cothread_create(NULL));
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(nothing_left(), 0);
    return unused;
}

static void *keeps_threads_busy(void *unused) {
    handle(cothread_create(NULL));
    pthread_barrier_wait(&both);
    for (int i = 0; i < 20; i++)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    pthread_barrier_wait(&both);
    expect(nothing_left(), 0);
    return unused;
}

int main(void) {
    enum { CROWD = 32 };
    pthread_t threads[CROWD];
    int few, refusals = 0;
    int at_first = count_threads();
    /* Each number of threads there may be, from none upwards: refused, or good. */
    for (few = 0;; few++) {
        allowed = few;
        cothread_handle got = cothread_create(NULL);
        if (got > 0)
            break;
        expect(got, COTHREAD_ELIMIT);
        refusals++;
        while (count_threads() != at_first)
            ; /* what was made before the refusal ends */
    }
    printf("%d threads are enough for the first scheduler\n", few);
    expect(refusals > 0, 1);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(nothing_left(), 0);

    /* A crowd uses up what was made ahead; then there is none for another. */
    allowed = 1000000;
    expect(pthread_barrier_init(&both, NULL, CROWD + 1), 0);
    for (int i = 0; i < CROWD; i++)
        expect(pthread_create(&threads[i], NULL, keeps_threads_busy, NULL), 0);
    pthread_barrier_wait(&both);
    pthread_barrier_wait(&both);
    for (int i = 0; i < CROWD; i++)
        expect(pthread_join(threads[i], NULL), 0);
    (void)second;
    return 0;
}
