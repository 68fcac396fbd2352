/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sched.h>

/* Another thread creates and destroys schedulers: it enters Go from outside some times a round, and each time needs one
 * of Go's processors; once, the memory that they took makes Go collect, which stops every thread that runs Go. A
 * scheduler that waits in the kernel must hold up neither, and not have to end its wait for it: a wait of the first
 * milliseconds is hidden from Go (poll/epoll_linux.go), a longer one is not, and both kinds are met here. A call that had to
 * wait for the waiter would take as long as its sleep, 50 ms, or for ever. Many collections are in poll/:
 * TestCollectionsBesideAWaitAreQuick. */
enum { PAIRS = 3000, SLOW = 20 * COTHREAD_MILLISECOND, SLOW_AT_MOST = 3 /* the machine's own doing */ };

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
    int64_t slowest = 0;
    pthread_t thread;
    int i, rc, slow = 0;
    finished = 0;
    nap = length;
    waiting_scheduler = 0;
    expect(pthread_create(&thread, NULL, sleeps, NULL), 0);
    while (__atomic_load_n(&waiting_scheduler, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    for (i = 0; i < PAIRS; i++) {
        int64_t begin = cothread_now(), took;
        expect(cothread_destroy(handle(cothread_create(NULL)), COTHREAD_FOREVER), 0);
        took = cothread_now() - begin;
        slow += took >= SLOW;
        slowest = took > slowest ? took : slowest;
    }
    __atomic_store_n(&finished, 1, __ATOMIC_RELEASE);
    if ((rc = cothread_interrupt(waiting_scheduler)) != COTHREAD_EDEAD) /* it may have seen `finished` by itself */
        expect(rc, 0);
    expect(pthread_join(thread, NULL), 0);
    if (slow > SLOW_AT_MOST)
        fail_at(__FILE__, __LINE__, "beside sleeps of %lld ns %d of %d rounds took 20 ms or more, the slowest %lld ns",
                (long long)length, slow, PAIRS, (long long)slowest);
}

int main(void) {
    beside(COTHREAD_FOREVER);
    beside(50 * COTHREAD_MILLISECOND);
    beside(COTHREAD_MILLISECOND);
    beside(20 * COTHREAD_MICROSECOND);
    return 0;
}
