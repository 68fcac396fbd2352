/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void *native(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    note("native ended");
    return unused;
}

int main(void) {
    cothread_handle scheduler = hosted(0), finished, waiting;
    expect(cothread_detach(spawn(native, NULL)), 0);
    finished = handle(cothread_host_create(1, "finished", 0));
    waiting = handle(cothread_host_create(2, "greenlet", 0));
    wait_for(waiting, COTHREAD_FOREVER);
    handle(cothread_host_create(3, "never started", 0));
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    finish(finished, 0); /* still in the ring when destroy begins */
    expect(cothread_destroy(scheduler, cothread_after(10 * COTHREAD_MILLISECOND)), 2);
    expect(strstr(cothread_last_error(), "greenlet") != NULL, 1);
    expect(strstr(cothread_last_error(), "never started") != NULL, 1);
    expect(strstr(cothread_last_error(), "finished") == NULL, 1);
    expect_order("native ended");
    return 0;
}
