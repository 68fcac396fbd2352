/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* The pipes block: a task that is let in past another leaves that one in a read for ever. */
static int data[2], other[2];

static void take(const char *name) {
    char byte;
    expect(read(data[0], &byte, 1), 1);
    note("%s", name);
}

static void *first(void *unused) {
    int found = cothread_wait_fd(data[0], COTHREAD_READABLE, COTHREAD_FOREVER);
    if (found == COTHREAD_ECANCELED)
        return unused;
    expect(found, COTHREAD_READABLE);
    take("first");
    return unused;
}

/* It is woken in the same tick, before the first. */
static void *latecomer(void *unused) {
    expect(cothread_wait_fd(other[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    expect(cothread_wait_fd(data[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_fd(data[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    take("latecomer");
    return unused;
}

/* The first has begun to wait in this tick: nobody has looked for it yet. */
static void *of_the_same_tick(void *unused) {
    expect(write(data[1], "x", 1), 1);
    expect(cothread_wait_fd(data[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_wait_fd(data[0], COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    take("same tick");
    return unused;
}

int main(void) {
    cothread_handle a, b;
    handle(cothread_create(NULL));
    expect(pipe(data), 0);
    expect(pipe(other), 0);

    b = spawn(latecomer, NULL);
    a = spawn(first, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0); /* both are registered, the latecomer first */
    expect(write(other[1], "x", 1), 1);
    expect(write(data[1], "x", 1), 1);
    join(a);
    expect(write(data[1], "x", 1), 1);
    join(b);
    expect_order("first latecomer");

    a = spawn(first, NULL);
    b = spawn(of_the_same_tick, NULL);
    join(a);
    expect(write(data[1], "x", 1), 1);
    join(b);
    expect_order("first same tick");

    /* nobody is ahead any more, and another direction is nobody's */
    a = spawn(first, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_wait_fd(data[1], COTHREAD_WRITABLE, COTHREAD_NOW), COTHREAD_WRITABLE);
    expect(cothread_cancel(a), 0);
    expect(write(data[1], "x", 1), 1);
    /* until it has run */
    expect(cothread_wait_fd(data[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_detach(a), 0);
    expect(cothread_yield(), 0);
    expect(cothread_wait_fd(data[0], COTHREAD_READABLE, COTHREAD_NOW), COTHREAD_READABLE);
    close(data[0]);
    close(data[1]);
    close(other[0]);
    close(other[1]);
    return nothing_left();
}
