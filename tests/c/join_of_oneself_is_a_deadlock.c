/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *unused) {
    expect(cothread_join(cothread_self(), NULL, COTHREAD_FOREVER), COTHREAD_EDEADLK);
    return unused;
}

int main(void) {
    handle(cothread_create(NULL));
    join(spawn(task, NULL));
    expect(cothread_join(cothread_self(), NULL, COTHREAD_FOREVER), COTHREAD_EDEADLK);
    return nothing_left();
}
