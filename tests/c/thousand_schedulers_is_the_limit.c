/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/resource.h>

/* Each needs its own thread. */
enum { LIMIT = 1000 };
static pthread_barrier_t all_live, all_may_end;

static void *lives(void *unused) {
    handle(cothread_create(NULL));
    pthread_barrier_wait(&all_live);
    pthread_barrier_wait(&all_may_end);
    nothing_left();
    return unused;
}

int main(void) {
    static pthread_t threads[LIMIT];
    struct rlimit limit;
    pthread_attr_t attributes;
    int i;
    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect(limit.rlim_cur >= 8 * LIMIT, 1);
    expect(pthread_attr_init(&attributes), 0);
    expect(pthread_attr_setstacksize(&attributes, 262144), 0);
    expect(pthread_barrier_init(&all_live, NULL, LIMIT + 1), 0);
    expect(pthread_barrier_init(&all_may_end, NULL, LIMIT + 1), 0);
    for (i = 0; i < LIMIT; i++)
        expect(pthread_create(&threads[i], &attributes, lives, NULL), 0);
    pthread_barrier_wait(&all_live);
    expect(cothread_create(NULL), COTHREAD_ELIMIT);
    pthread_barrier_wait(&all_may_end);
    for (i = 0; i < LIMIT; i++)
        expect(pthread_join(threads[i], NULL), 0);
    handle(cothread_create(NULL));
    return nothing_left();
}
