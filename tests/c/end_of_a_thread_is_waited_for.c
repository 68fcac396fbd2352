/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

static _Atomic int tid;
static pthread_barrier_t may_end;

static void *thread_function(void *unused) {
    tid = gettid();
    pthread_barrier_wait(&may_end);
    return unused;
}

int main(void) {
    pthread_t thread;
    cothread_handle watched;
    handle(cothread_create(NULL));
    pthread_barrier_init(&may_end, NULL, 2);
    expect(pthread_create(&thread, NULL, thread_function, NULL), 0);
    while (!tid)
        usleep(100);
    cothread_handle got = cothread_thread_open(tid);
    if (got == COTHREAD_ESYSTEM && errno == EINVAL) {
        printf("note: this kernel does not watch threads\n");
        pthread_barrier_wait(&may_end);
        pthread_join(thread, NULL);
        return nothing_left();
    }
    watched = handle(got);
    expect(cothread_process_open(tid), COTHREAD_ESYSTEM); /* a thread's number is no process's */
    expect(cothread_process_pid(watched), tid);
    expect(ended_by(watched, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    pthread_barrier_wait(&may_end);
    ends(watched, 0);
    expect(wait_status, 0);
    expect(pthread_join(thread, NULL), 0);
    ends(watched, 0);
    expect(cothread_close(watched), 0);
    expect(cothread_thread_open(tid), COTHREAD_ESYSTEM);
    expect(errno, ESRCH);
    return nothing_left();
}
