/* Where the system makes no thread, cothread_create says so, leaves none behind and works once there
 * are threads again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "threads.h"

#include <dlfcn.h>
#include <stdatomic.h>

static _Atomic int allowed; /* threads that the library can still make */
static _Thread_local int own; /* this thread makes one of the test's */

/* The library's threads come by here too, as a program's own function hides the libc's. */
int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*function)(void *),
                   void *restrict argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (!own && atomic_fetch_sub(&allowed, 1) <= 0) {
        allowed = 0;
        return EAGAIN;
    }
    return real(thread, attributes, function, argument);
}

enum { CROWD = 32 };
static _Atomic int created, refused;

static void *may_create(void *unused) {
    cothread_handle got = cothread_create(NULL);
    if (got < 0) {
        expect(got, COTHREAD_ELIMIT);
        refused++;
        return unused;
    }
    created++;
    for (int i = 0; i < 20; i++)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(nothing_left(), 0);
    return unused;
}

int main(void) {
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

    /* Then a crowd, with ever more threads for the library: each is served or refused, and the
     * process lives. */
    own = 1;
    for (int more = 0; more <= 2 * CROWD; more += 4) {
        created = refused = 0;
        allowed = more;
        for (int i = 0; i < CROWD; i++)
            expect(pthread_create(&threads[i], NULL, may_create, NULL), 0);
        for (int i = 0; i < CROWD; i++)
            expect(pthread_join(threads[i], NULL), 0);
        expect(created + refused, CROWD);
        printf("%d more: %d of %d created\n", more, created, CROWD);
    }
    return 0;
}
