/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* More deadlines and more waits for one descriptor than the two halves hand over at a time. */
enum { CROWD = 5000 };
static int fds[2], woken;
static int64_t deadline;

static void *sleeper(void *number) {
    expect(cothread_sleep_until(deadline), 0);
    expect(woken++, (intptr_t)number);
    return NULL;
}

static void *reader(void *number) {
    expect(cothread_wait_fd(fds[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(woken++, (intptr_t)number);
    return NULL;
}

static void *closer(void *number) {
    expect(cothread_wait_fd(fds[0], COTHREAD_WRITABLE, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    expect(woken++, (intptr_t)number);
    return NULL;
}

static void crowd(cothread_function function) {
    intptr_t i;
    woken = 0;
    for (i = 0; i < CROWD; i++)
        expect(cothread_detach(spawn(function, (void *)i)), 0);
    expect(cothread_yield(), 0); /* all of them wait now */
}

static void run(void) {
    expect(cothread_run(COTHREAD_FOREVER), 0);
    expect(woken, CROWD);
}

int main(void) {
    handle(cothread_create(NULL));
    expect(pipe(fds), 0);
    deadline = cothread_after(10 * COTHREAD_MILLISECOND);
    crowd(sleeper);
    run();
    crowd(reader);
    expect(write(fds[1], "x", 1), 1);
    run();
    crowd(closer); /* a pipe's reading end is never writable */
    expect(cothread_wake_fd(fds[0]), CROWD);
    run();
    close(fds[0]);
    close(fds[1]);
    return nothing_left();
}
