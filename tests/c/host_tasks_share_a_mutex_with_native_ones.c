/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static cothread_handle mutex, second;

static void *locks(void *wanted) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), *(int *)wanted);
    note("native");
    expect(cothread_mutex_unlock(mutex), 0);
    return NULL;
}

static void *ends_holding(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    return unused;
}

static void lock(cothread_handle task) {
    wait_on(task, COTHREAD_WAIT_LOCK, mutex, NULL);
}

static void unlock(cothread_handle task, cothread_handle what) {
    request((cothread_request){.task = task, .operation = COTHREAD_UNLOCK, .fd = -1, .object = what});
}

int main(void) {
    int clean = 0, after_owner = 1;
    cothread_handle a, b, native;
    hosted(0);
    mutex = handle(cothread_mutex_create(0));
    second = handle(cothread_mutex_create(0));
    a = handle(cothread_host_create(1, NULL, 0));
    b = handle(cothread_host_create(2, NULL, 0));

    /* FIFO over both kinds: a holds it, then the native task, then b */
    lock(a);
    expect(batch(COTHREAD_NOW), 1);
    native = spawn(locks, &clean);
    expect(batch(COTHREAD_NOW), 0);
    lock(b);
    expect(batch(COTHREAD_NOW), 0);
    unlock(a, mutex);
    while (batch(COTHREAD_NOW) == 0)
        continue;
    expect_order("1:0 native 2:0");
    expect(cothread_join(native, NULL, COTHREAD_NOW), 0);

    /* not the owner; not a mutex; given back and waited for in one batch of requests */
    unlock(a, mutex);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:-16");
    unlock(a, 12345);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:-2");
    lock(a);
    unlock(b, mutex);
    lock(b);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("1:0"); /* a was first, b waits again */
    unlock(a, mutex);
    expect(batch(COTHREAD_NOW), 1);
    expect_order("2:0");

    /* a host task that ends with it, and a native one */
    native = spawn(locks, &after_owner);
    expect(batch(COTHREAD_NOW), 0);
    finish(b, 0);
    while (order_length == 0)
        expect(batch(COTHREAD_NOW), 0);
    expect_order("native");
    expect(cothread_join(native, NULL, COTHREAD_NOW), 0);
    native = spawn(ends_holding, NULL);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_join(native, NULL, COTHREAD_NOW), 0);
    lock(a);
    expect(batch(COTHREAD_NOW), 1);
    expect(ring->ready[0].reason, 0);
    expect(ring->ready[0].value, 1);
    order_length = 0;

    expect(cothread_close(mutex), COTHREAD_EBUSY);
    unlock(a, mutex);
    expect(cothread_submit(), 1);
    expect(cothread_close(mutex), 0);
    finish(a, 0);
    expect(cothread_submit(), 1);
    return nothing_left();
}
