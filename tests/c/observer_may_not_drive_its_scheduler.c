/* On its thread's own stack, too, an observer of connections is called in the middle of a call: what runs ticks, or ends the
 * scheduler, is refused there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include "host.h"

static cothread_handle scheduler;
static int calls;

static void drives(cothread_handle connection, int from, int to, void *is_hosted) {
    (void)connection, (void)from, (void)to;
    int64_t deadline;
    calls++;
    expect(cothread_destroy(scheduler, COTHREAD_NOW), COTHREAD_EBUSY);
    expect(cothread_run(COTHREAD_NOW), COTHREAD_EBUSY);
    if (!is_hosted)
        return;
    expect(cothread_poll_scheduler(COTHREAD_NOW), COTHREAD_EBUSY);
    expect(cothread_poll(), COTHREAD_EBUSY);
    expect(cothread_submit(), COTHREAD_EBUSY);
    expect(cothread_poll_fd(), COTHREAD_EBUSY);
    expect(cothread_next_deadline(&deadline), COTHREAD_EBUSY);
}

/* One that is called from another one's call. */
static cothread_handle inner;
static void closes_another(cothread_handle connection, int from, int to, void *is_hosted) {
    if (to == COTHREAD_STATE_CLOSED)
        expect(cothread_close(inner), 0);
    drives(connection, from, to, is_hosted);
}

static void observed(void *is_hosted) {
    cothread_connection_options options = {.size = sizeof options, .observer = drives, .argument = is_hosted};
    cothread_handle outer;
    calls = 0;
    inner = handle(cothread_listen("127.0.0.1", "0", &options));
    options.observer = closes_another;
    outer = handle(cothread_listen("127.0.0.1", "0", &options));
    expect(cothread_close(outer), 0);
    expect(calls, 4);
}

int main(void) {
    scheduler = hosted(0);
    observed(ring);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0); /* the mark is gone */
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    scheduler = handle(cothread_create(NULL));
    observed(NULL);
    expect(cothread_run(COTHREAD_FOREVER), 0);
    return nothing_left();
}
