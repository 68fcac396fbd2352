/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include <poll.h>

static cothread_handle scheduler, event;
static int fd;

static int readable(int milliseconds) {
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    return poll(&entry, 1, milliseconds);
}

static void idle_again(void) {
    while (cothread_poll_scheduler(COTHREAD_NOW) > 0 || readable(0))
        continue;
    expect(readable(0), 0);
}

static void callback(void *unused) {
    (void)unused;
    note("callback");
}

static void *posts(void *unused) {
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    return unused;
}

static void *sleeps(void *unused) {
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    note("slept");
    return unused;
}

int main(void) {
    int64_t deadline;
    cothread_handle task, native;
    pthread_t thread;
    int fds[2];
    scheduler = hosted(0);
    event = handle(cothread_event_create(0));
    fd = cothread_poll_fd();
    expect(fd >= 0, 1);
    expect(cothread_poll_fd(), fd);
    task = handle(cothread_host_create(1, NULL, 0));
    idle_again();
    expect(cothread_next_deadline(&deadline), 0);
    expect(deadline, COTHREAD_FOREVER);

    /* a post from another thread */
    expect(pthread_create(&thread, NULL, posts, NULL), 0);
    expect(readable(-1), 1);
    expect(pthread_join(thread, NULL), 0);
    idle_again();
    expect_order("callback");

    /* a post from this one */
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(readable(0), 1);
    idle_again();
    expect_order("callback");

    /* an interrupt */
    expect(cothread_interrupt(scheduler), 0);
    expect(readable(0), 1);
    idle_again();

    /* a wake from the host's code */
    wait_on(task, COTHREAD_WAIT_EVENT, event, NULL);
    expect(cothread_submit(), 1);
    expect(readable(0), 0);
    expect(cothread_event_signal(event, NULL), 1);
    expect(readable(0), 1);
    expect(cothread_next_deadline(&deadline), 0);
    expect(deadline, COTHREAD_NOW);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    idle_again();

    /* a native task spawned by the host's code; and its deadline */
    native = spawn(sleeps, NULL);
    expect(readable(0), 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect_order("");
    expect(readable(-1), 1);
    while (cothread_join(native, NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT) {
        expect(readable(-1), 1);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    }
    expect_order("slept");
    idle_again();

    /* a nearer deadline by submit, then a nearer one still */
    wait_for(task, cothread_after(3600 * COTHREAD_SECOND));
    expect(cothread_submit(), 1);
    expect(readable(0), 0);
    request((cothread_request){.task = task, .operation = COTHREAD_WITHDRAW, .fd = -1});
    deadline = cothread_after(20 * COTHREAD_MILLISECOND);
    wait_for(task, deadline);
    expect(cothread_submit(), 2);
    int64_t next;
    expect(cothread_next_deadline(&next), 0);
    expect(next <= deadline, 1);
    expect(readable(-1), 1);
    expect(cothread_now() >= deadline, 1);
    while (batch(COTHREAD_NOW) == 0)
        expect(readable(-1), 1);
    expect_order("1:-10");
    idle_again();

    /* a descriptor */
    expect(pipe(fds), 0);
    request((cothread_request){
        .task = task, .operation = COTHREAD_WAIT, .fd = fds[0], .deadline = COTHREAD_FOREVER, .object = COTHREAD_READABLE});
    expect(cothread_submit(), 1);
    expect(readable(0), 0);
    expect(write(fds[1], "x", 1), 1);
    expect(readable(0), 1);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:0:1");
    finish(task, 0);
    expect(cothread_submit(), 1);
    idle_again();
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
