/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* An interrupt that arrives together with what main waits for ends the wait after this one. */
static cothread_handle event;
static void *other(void *unused) {
    expect(cothread_interrupt(cothread_current()), 0);
    expect(cothread_yield(), 0);
    return unused;
}
static void signal_it(void *unused) {
    (void)unused;
    expect(cothread_event_signal(event, NULL), 1);
}

int main(void) {
    cothread_handle task, scheduler = handle(cothread_create(NULL));
    int fds[2];
    char byte;
    expect(pipe(fds), 0);
    event = handle(cothread_event_create(0));

    /* a callback signals: callbacks come before what is due */
    expect(cothread_post(scheduler, signal_it, NULL, COTHREAD_NOW), 0);
    expect(cothread_interrupt(scheduler), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), 0);
    expect(cothread_event_wait(event, NULL, COTHREAD_FOREVER), COTHREAD_EINTR);
    expect(cothread_event_wait(event, NULL, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);

    /* without anything else */
    task = spawn(other, NULL);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_EINTR);
    join(task);
    expect(write(fds[1], "x", 1), 1);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(read(fds[0], &byte, 1), 1);

    expect(cothread_close(event), 0);
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
