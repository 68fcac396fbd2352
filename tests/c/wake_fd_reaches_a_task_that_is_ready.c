/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Two descriptors are ready in one tick. The task that runs first closes the other's descriptor,
 * and its number becomes another pipe's: the task that waited for it must not read that one's data. */
static int a[2], b[2], reused[2];

static void *closes(void *unused) {
    int number = b[0];
    expect(cothread_wait_fd(a[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(cothread_wake_fd(number), 1);
    expect(cothread_wake_fd(number), 0);
    expect(close(number), 0);
    expect(pipe(reused), 0);
    expect(reused[0], number);
    expect(write(reused[1], "secret", 6), 6);
    return unused;
}

static void *waits(void *unused) {
    expect(cothread_wait_fd(b[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("closed");
    return unused;
}

static cothread_handle closer;

/* A callback runs before what is due in its tick. */
static void closes_in_a_callback(void *unused) {
    (void)unused;
    expect(cothread_wake_fd(b[0]), 1);
}

static void open_both(void) {
    expect(pipe(a), 0);
    expect(pipe(b), 0);
}

static void close_all(void) {
    close(a[0]);
    close(a[1]);
    close(b[1]);
}

int main(void) {
    cothread_handle waiter, scheduler = handle(cothread_create(NULL));

    open_both();
    closer = spawn(closes, NULL);
    waiter = spawn(waits, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0); /* both are registered */
    expect(write(a[1], "x", 1), 1);
    expect(write(b[1], "x", 1), 1);
    join(closer);
    join(waiter);
    expect_order("closed");
    close_all();
    close(reused[0]);
    close(reused[1]);

    open_both();
    waiter = spawn(waits, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);
    expect(write(b[1], "x", 1), 1);
    expect(cothread_post(scheduler, closes_in_a_callback, NULL, COTHREAD_NOW), 0);
    join(waiter);
    expect_order("closed");
    close_all();
    close(b[0]);
    return nothing_left();
}
