/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void *stubborn(void *unused) {
    for (;;)
        cothread_wait_until(COTHREAD_FOREVER);
    return unused;
}

static void *obedient(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    note("ended");
    return unused;
}

static void spawn_named(cothread_function function, const char *name) {
    cothread_task_options options = {sizeof options, 0, 0, 0, NULL};
    char copy[64];
    snprintf(copy, sizeof copy, "%s", name);
    options.name = copy; /* copied: gone when this returns */
    expect(cothread_detach(handle(cothread_spawn(function, NULL, &options))), 0);
    memset(copy, 'x', sizeof copy - 1);
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    spawn_named(stubborn, "pump");
    spawn_named(obedient, "valve");
    spawn_named(stubborn, "0123456789012345678901234567890123456789");
    expect(cothread_detach(spawn(stubborn, NULL)), 0);
    expect(cothread_yield(), 0);
    expect(cothread_destroy(scheduler, cothread_after(20 * COTHREAD_MILLISECOND)), 3);
    expect_order("ended");
    expect(strstr(cothread_last_error(), "pump") != NULL, 1);
    expect(strstr(cothread_last_error(), "valve") == NULL, 1);
    expect(strstr(cothread_last_error(), "0123456789012345678901234567890") != NULL, 1);
    expect(strstr(cothread_last_error(), "01234567890123456789012345678901") == NULL, 1);
    expect(cothread_current(), COTHREAD_ENOSCHEDULER);
    return 0;
}
