/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *cancels_itself(void *unused) {
    expect(cothread_cancel(cothread_self()), 0);
    expect(cothread_sleep_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void *cancels_main(void *task) {
    expect(cothread_cancel(*(cothread_handle *)task), 0);
    return NULL;
}

int main(void) {
    cothread_handle self, killer;
    handle(cothread_create(NULL));
    self = handle(cothread_self());
    join(spawn(cancels_itself, NULL));
    killer = spawn(cancels_main, &self);
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    expect(cothread_join(killer, NULL, COTHREAD_FOREVER), 0); /* has ended: nothing to wait for */
    return nothing_left();
}
