/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *task(void *unused) {
    expect(cothread_create(NULL), COTHREAD_EEXIST);
    return unused;
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    expect(cothread_create(NULL), COTHREAD_EEXIST);
    expect(cothread_current(), scheduler);
    join(spawn(task, NULL));
    return nothing_left();
}
