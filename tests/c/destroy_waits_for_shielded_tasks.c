/* cothread_destroy gives tasks the time until its deadline to clean up behind their shield, whoever
 * drives the scheduler; what waits longer is abandoned.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static int fds[2];

static void *tells(void *unused) {
    expect(cothread_sleep(3600 * COTHREAD_SECOND), COTHREAD_ECANCELED);
    expect(cothread_shield(1), 0);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    expect(write(fds[1], "x", 1), 1);
    note("told");
    return unused;
}

static void *listens(void *unused) {
    expect(cothread_sleep(3600 * COTHREAD_SECOND), COTHREAD_ECANCELED);
    expect(cothread_shield(1), 0);
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    note("heard");
    return unused;
}

/* Its shield is up already when destroy begins. */
static void *cleans_up(void *unused) {
    expect(cothread_shield(1), 0);
    expect(cothread_sleep(2 * COTHREAD_MILLISECOND), 0);
    expect(cothread_shield(0), 1);
    expect(cothread_yield(), COTHREAD_ECANCELED);
    note("clean");
    return unused;
}

static void *never_ends(void *unused) {
    expect(cothread_shield(1), 0);
    (void)cothread_wait_until(COTHREAD_FOREVER);
    return unused;
}

static void let_them_begin(uint32_t flags) {
    expect(flags ? cothread_poll_scheduler(COTHREAD_NOW) : cothread_yield(), 0);
}

static void with(uint32_t flags) {
    cothread_options options = {.size = sizeof options, .flags = flags};
    cothread_handle scheduler = handle(cothread_create(&options));
    expect(pipe(fds), 0);
    spawn(listens, NULL);
    spawn(tells, NULL);
    if (flags)
        handle(cothread_host_create(1, "no end", 0)); /* counts, but is not waited for */
    let_them_begin(flags);
    expect(cothread_interrupt(scheduler), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), flags ? 1 : 0);
    expect_order("told heard");

    scheduler = handle(cothread_create(&options));
    spawn(cleans_up, NULL);
    spawn(never_ends, NULL);
    let_them_begin(flags);
    int64_t deadline = cothread_after(500 * COTHREAD_MILLISECOND);
    expect(cothread_destroy(scheduler, deadline), 1);
    expect(cothread_now() >= deadline, 1);
    expect_order("clean");
    close(fds[0]);
    close(fds[1]);
}

int main(void) {
    with(0);
    with(COTHREAD_HOSTED);
    with(COTHREAD_HOSTED | COTHREAD_HOST_POLLS);
    return 0;
}
