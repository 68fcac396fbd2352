/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle mutex;

static void *stranger(void *unused) {
    expect(cothread_mutex_unlock(mutex), COTHREAD_EOWNER);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    return unused;
}

int main(void) {
    handle(cothread_create(NULL));
    mutex = handle(cothread_mutex_create(0));
    expect(cothread_mutex_unlock(mutex), COTHREAD_EOWNER);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), COTHREAD_EDEADLK);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), COTHREAD_EDEADLK);
    join(spawn(stranger, NULL));
    expect(cothread_close(mutex), COTHREAD_EBUSY);
    expect(cothread_mutex_unlock(mutex), 0);
    expect(cothread_mutex_unlock(mutex), COTHREAD_EOWNER);
    expect(cothread_close(mutex), 0);
    expect(cothread_mutex_lock(mutex, COTHREAD_NOW), COTHREAD_EHANDLE);
    return nothing_left();
}
