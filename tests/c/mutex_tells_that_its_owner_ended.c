/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle mutex, second;

static void *ends_holding_it(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_mutex_lock(second, COTHREAD_FOREVER), 0);
    expect(cothread_yield(), 0);
    return unused;
}

static void *waiter(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 1);
    expect(cothread_mutex_unlock(mutex), 0);
    return unused;
}

int main(void) {
    cothread_handle owner, task;
    handle(cothread_create(NULL));
    mutex = handle(cothread_mutex_create(0));
    second = handle(cothread_mutex_create(0));
    owner = spawn(ends_holding_it, NULL);
    task = spawn(waiter, NULL);
    join(owner);
    join(task);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), 0); /* told once */
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_mutex_lock(second, COTHREAD_NOW), 1); /* nobody waited when the owner ended */
    expect(cothread_mutex_unlock(second), 0);
    expect(cothread_mutex_lock(second, COTHREAD_NOW), 0);
    expect(cothread_mutex_unlock(second), 0);
    expect(cothread_close(mutex), 0);
    expect(cothread_close(second), 0);
    return nothing_left();
}
