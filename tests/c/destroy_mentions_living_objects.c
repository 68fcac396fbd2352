/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle mutex, event;

static void *holds(void *unused) {
    expect(cothread_mutex_lock(mutex, COTHREAD_FOREVER), 0);
    cothread_shield(1);
    for (;;)
        cothread_yield(); /* does not listen */
    return unused;
}

int main(void) {
    cothread_task_options options = {sizeof options, 0, 0, 0, "stubborn"};
    cothread_handle scheduler = handle(cothread_create(NULL));
    mutex = handle(cothread_mutex_create(0));
    event = handle(cothread_event_create(0));
    handle(cothread_spawn(holds, NULL, &options));
    expect(cothread_yield(), 0);
    expect(statistics(scheduler).mutexes, 1);
    expect(statistics(scheduler).events, 1);
    expect(cothread_close(event), 0);
    expect(statistics(scheduler).events, 0);
    expect(cothread_destroy(scheduler, cothread_after(COTHREAD_MILLISECOND)), 1);
    if (!strstr(cothread_last_error(), "\"stubborn\"") || !strstr(cothread_last_error(), "not closed: mutex 1"))
        fail_at(__FILE__, __LINE__, "last error: %s", cothread_last_error());
    return 0;
}
