/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static int64_t next(void) {
    int64_t deadline = 1;
    expect(cothread_next_deadline(&deadline), 0);
    return deadline;
}

static void *sleeps(void *deadline) {
    expect(cothread_sleep_until(*(int64_t *)deadline), COTHREAD_ECANCELED);
    return NULL;
}

int main(void) {
    int64_t far, near;
    cothread_handle task, native;
    hosted(0);
    while (cothread_poll_scheduler(COTHREAD_NOW) > 0)
        continue;
    expect(next(), COTHREAD_FOREVER);
    expect(cothread_next_deadline(NULL), COTHREAD_EINVAL);
    far = cothread_after(3600 * COTHREAD_SECOND);
    near = cothread_after(60 * COTHREAD_SECOND);
    task = handle(cothread_host_create(1, NULL, 0));
    wait_for(task, far);
    expect(cothread_submit(), 1);
    expect(next(), far);
    native = spawn(sleeps, &near);
    expect(next(), COTHREAD_NOW);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(next(), near);
    expect(cothread_cancel(native), 0);
    expect(next(), COTHREAD_NOW);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_join(native, NULL, COTHREAD_NOW), 0);
    expect(next(), far);
    finish(task, 0);
    expect(cothread_submit(), 1);
    expect(next(), COTHREAD_FOREVER);
    return nothing_left();
}
