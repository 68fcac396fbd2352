/* SPDX-License-Identifier: Apache-2.0 */
#include "list_host.h"

/* A host task waits for a timer, which the host's own code sets, in each way in which a host waits. */
static cothread_handle timer, task;
static cothread_item item;

static void wait_for_timer(void) {
    item = (cothread_item){.kind = COTHREAD_ITEM_TIMER, .object = timer};
    request((cothread_request){.task = task,
                               .operation = COTHREAD_WAIT_ITEMS,
                               .fd = 1,
                               .object = sizeof item,
                               .deadline = COTHREAD_FOREVER,
                               .value = (int64_t)(intptr_t)&item});
    expect(cothread_submit(), 1);
}

/* One expiry at `deadline`, the only entry of the batch. */
static void was_told(int64_t deadline) {
    expect(ring->ready_count, 1);
    expect(ring->ready[0].token, 7);
    expect(ring->ready[0].reason, 0);
    expect(ring->ready[0].events, 1);
    expect(ring->ready[0].value, deadline);
    expect(cothread_now() >= deadline, 1);
}

static void in_the_library(int64_t deadline) {
    do
        expect(cothread_poll_scheduler(COTHREAD_FOREVER) >= 0, 1);
    while (ring->ready_count == 0);
    was_told(deadline);
}

static void for_its_descriptor(int64_t deadline) {
    struct pollfd entry = {.fd = handle(cothread_poll_fd()), .events = POLLIN};
    do {
        expect(poll(&entry, 1, 60000), 1);
        expect(cothread_poll_scheduler(COTHREAD_NOW) >= 0, 1);
    } while (ring->ready_count == 0);
    was_told(deadline);
}

static void in_poll(int64_t deadline) {
    int64_t next;
    expect(cothread_next_deadline(&next), 0);
    expect(next, deadline);
    do
        host_round();
    while (ring->ready_count == 0);
    was_told(deadline);
}

static void run(uint32_t flags, void (*wait)(int64_t deadline)) {
    hosted(flags);
    timer = handle(cothread_timer_create(0));
    task = handle(cothread_host_create(7, NULL, 0));
    for (int turn = 0; turn < 20; turn++) {
        int64_t deadline = cothread_after(COTHREAD_MILLISECOND);
        if (turn % 2) { /* it waits already, and the timer was stopped or far away */
            wait_for_timer();
            expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
            expect(cothread_timer_set(timer, deadline, 0), turn % 4 == 1);
        } else {
            expect(cothread_timer_set(timer, deadline, 0), 0);
            wait_for_timer();
        }
        wait(deadline);
        if (turn % 4 == 0)
            expect(cothread_timer_set(timer, cothread_after(3600 * COTHREAD_SECOND), 0), 0);
    }
    finish(task, 0);
    expect(cothread_submit(), 1);
    expect(cothread_close(timer), 0);
    expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0);
}

int main(void) {
    run(0, in_the_library);
    run(0, for_its_descriptor);
    run(COTHREAD_HOST_POLLS, in_poll);
    return 0;
}
