/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *interrupts(void *scheduler) {
    expect(cothread_interrupt(*(cothread_handle *)scheduler), 0);
    return NULL;
}

static void *waits(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED); /* an interrupt is main's, not a task's */
    return unused;
}

static cothread_handle scheduler;

static void interrupt_from_a_thread(pthread_t *thread) {
    expect(pthread_create(thread, NULL, interrupts, &scheduler), 0);
}

int main(void) {
    cothread_handle task, event;
    pthread_t thread;
    scheduler = handle(cothread_create(NULL));
    event = handle(cothread_event_create(0));
    task = spawn(waits, NULL);

    interrupt_from_a_thread(&thread);
    expect(cothread_run(COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(pthread_join(thread, NULL), 0);

    interrupt_from_a_thread(&thread);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(pthread_join(thread, NULL), 0);

    interrupt_from_a_thread(&thread);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(pthread_join(thread, NULL), 0);

    interrupt_from_a_thread(&thread);
    expect(cothread_join(task, NULL, COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(pthread_join(thread, NULL), 0);

    expect(cothread_cancel(task), 0);
    join(task);
    return nothing_left();
}
