/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle mutex;

static void locks(void *unused) {
    (void)unused;
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
}

static void locks_again(void *unused) { /* another callback is another owner */
    (void)unused;
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 1);
    expect(cothread_mutex_unlock(mutex), 0);
    note("told");
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    mutex = handle(cothread_mutex_create(0));
    expect(cothread_post(scheduler, locks, NULL, COTHREAD_NOW), 0);
    expect(cothread_post(scheduler, locks_again, NULL, COTHREAD_NOW), 0);
    expect(cothread_yield(), 0);
    expect_order("told");
    expect(cothread_close(mutex), 0);
    return nothing_left();
}
