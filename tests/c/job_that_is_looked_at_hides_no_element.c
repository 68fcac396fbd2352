/* A thread sends an element to a task that waits, and then main looks at a job, again and again, without letting anybody run:
 * what it takes up of the jobs leaves the element to the next tick.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static cothread_handle channel;

static int64_t same(int64_t n) {
    return n;
}

static void *receiver(void *unused) {
    int64_t element = 0;
    expect(cothread_channel_receive(channel, &element, COTHREAD_FOREVER), 0);
    expect(element, 7);
    return unused;
}

static void *sender(void *unused) {
    int64_t element = 7;
    expect(cothread_channel_send(channel, &element, COTHREAD_NOW), 0);
    return unused;
}

int main(void) {
    pthread_t thread;
    handle(cothread_create(NULL));
    channel = handle(cothread_channel_create(8, 1, COTHREAD_FROM_THREADS));
    cothread_handle task = spawn(receiver, NULL);
    expect(cothread_yield(), 0);
    expect(pthread_create(&thread, NULL, sender, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    cothread_job asked = JOB(same, COTHREAD_TYPE_LONG, LONG(5));
    cothread_handle job = handle(cothread_job_start(0, &asked, COTHREAD_NOW));
    while (cothread_job_result(job, &asked) == COTHREAD_EBUSY)
        ;
    expect(asked.result.integer, 5);
    join(task);
    expect(cothread_close(job), 0);
    expect(cothread_close(channel), 0);
    return nothing_left();
}
