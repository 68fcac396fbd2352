/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sched.h>

/* Each scheduler takes some Go memory, so that creating and destroying thousands makes Go collect several times, and a
 * collection stops every thread that runs Go. One that waits in the kernel must neither hold that up nor have to end its
 * wait for it: a wait of the first milliseconds is hidden from Go (poll/epoll.go), a longer one is not, and both kinds are
 * met here. A collection that waits for the waiter would last as long as its sleep, 50 ms, or for ever. */
enum { PAIRS = 3000 };
static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int finished;
static cothread_handle waiting_scheduler;
static int64_t nap;

static void *sleeps(void *unused) {
    sigset_t every; /* as a program does that has a thread of its own for signals */
    sigfillset(&every);
    expect(pthread_sigmask(SIG_BLOCK, &every, NULL), 0);
    __atomic_store_n(&waiting_scheduler, handle(cothread_create(NULL)), __ATOMIC_RELEASE);
    while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
        int rc = cothread_sleep_until(nap == COTHREAD_FOREVER ? nap : cothread_after(nap));
        if (rc != COTHREAD_EINTR)
            expect(rc, 0);
    }
    nothing_left();
    return unused;
}

static void beside(int64_t length) {
    static int64_t took[PAIRS];
    pthread_t thread;
    int i, rc;
    finished = 0;
    nap = length;
    waiting_scheduler = 0;
    expect(pthread_create(&thread, NULL, sleeps, NULL), 0);
    while (__atomic_load_n(&waiting_scheduler, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    for (i = 0; i < PAIRS; i++) {
        int64_t begin = cothread_now();
        expect(cothread_destroy(handle(cothread_create(NULL)), COTHREAD_FOREVER), 0);
        took[i] = cothread_now() - begin;
    }
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    if ((rc = cothread_interrupt(waiting_scheduler)) != COTHREAD_EDEAD) /* it may have seen `finished` by itself */
        expect(rc, 0);
    expect(pthread_join(thread, NULL), 0);
    qsort(took, PAIRS, sizeof took[0], compare);
    if (took[PAIRS * 99 / 100 - 1] >= 20 * COTHREAD_MILLISECOND)
        fail_at(__FILE__, __LINE__, "creating and destroying beside sleeps of %lld ns took %lld ns at the 99th percentile",
                (long long)length, (long long)took[PAIRS * 99 / 100 - 1]);
}

int main(void) {
    beside(COTHREAD_FOREVER);
    beside(50 * COTHREAD_MILLISECOND);
    beside(COTHREAD_MILLISECOND);
    beside(20 * COTHREAD_MICROSECOND);
    return 0;
}
