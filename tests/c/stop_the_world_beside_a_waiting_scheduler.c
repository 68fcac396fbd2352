/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sched.h>

/* Another thread creates and destroys schedulers: it enters Go from outside some times a round, and each time needs one
 * of Go's processors; once in a while the memory that they took makes Go collect, which stops every thread that runs Go. A
 * scheduler that waits in the kernel must hold up neither, and not have to end its wait for it: a wait of the first
 * milliseconds is hidden from Go (poll/epoll_linux.go), a longer one is not, and both kinds are met here. Rounds that had to wait
 * for the waiter would never end beside one that sleeps for ever, and take some times as long as beside nobody with the
 * others: the fastest of some batches is compared, again and again until it is not slower. How long a collection takes is
 * asked in poll/: TestCollectionsBesideAWaitAreQuick. */
enum { BATCH = 50, BATCHES = 20, ATTEMPTS = 50, AT_MOST = 3 /* times as long as beside nobody */ };

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

/* The fastest of some batches of rounds, in ns. */
static int64_t rounds(void) {
    int64_t best = INT64_MAX;
    int i, j;
    for (i = 0; i < BATCHES; i++) {
        int64_t begin = cothread_now(), took;
        for (j = 0; j < BATCH; j++)
            expect(cothread_destroy(handle(cothread_create(NULL)), COTHREAD_FOREVER), 0);
        took = cothread_now() - begin;
        best = took < best ? took : best;
    }
    return best;
}

static int64_t rounds_beside(int64_t length) {
    pthread_t thread;
    int64_t took;
    int rc;
    finished = 0;
    nap = length;
    waiting_scheduler = 0;
    expect(pthread_create(&thread, NULL, sleeps, NULL), 0);
    while (__atomic_load_n(&waiting_scheduler, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    took = rounds();
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    if ((rc = cothread_interrupt(waiting_scheduler)) != COTHREAD_EDEAD) /* it may have seen `finished` by itself */
        expect(rc, 0);
    expect(pthread_join(thread, NULL), 0);
    return took;
}

static void beside(int64_t length) {
    int64_t alone = 0, together = 0;
    int i;
    for (i = 0; i < ATTEMPTS; i++) {
        alone = rounds();
        together = rounds_beside(length);
        if (together <= AT_MOST * alone)
            return;
    }
    fail_at(__FILE__, __LINE__, "beside sleeps of %lld ns %d rounds took %lld ns, beside nobody %lld", (long long)length, BATCH,
            (long long)together, (long long)alone);
}

int main(void) {
    beside(COTHREAD_FOREVER);
    beside(50 * COTHREAD_MILLISECOND);
    beside(COTHREAD_MILLISECOND);
    beside(20 * COTHREAD_MICROSECOND);
    return 0;
}
