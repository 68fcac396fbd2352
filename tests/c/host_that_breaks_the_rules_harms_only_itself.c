/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

static void turn(cothread_handle task, int operation, cothread_handle object) {
    request((cothread_request){
        .task = task, .operation = operation, .fd = -1, .deadline = COTHREAD_FOREVER, .object = object});
}

int main(void) {
    cothread_handle tasks[3], event, other;
    int i;
    hosted(0);
    event = handle(cothread_event_create(0));
    other = handle(cothread_event_create(0));
    for (i = 0; i < 3; i++)
        tasks[i] = handle(cothread_host_create((uint64_t)i, NULL, 0));

    /* a request beside a wait: the last one counts */
    turn(tasks[0], COTHREAD_WAIT_EVENT, event);
    turn(tasks[0], COTHREAD_WAIT_EVENT, other);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_event_signal(event, NULL), 0);
    expect(cothread_event_signal(other, NULL), 1);
    /* and beside a wake that the host has not been told of yet */
    turn(tasks[0], COTHREAD_WAIT_EVENT, event);
    turn(tasks[1], COTHREAD_WAIT_EVENT, other);
    expect(batch(COTHREAD_NOW) >= 1, 1);
    expect(batch(COTHREAD_NOW), 0);
    order_length = 0;

    /* withdrawn without a wait, and twice */
    turn(tasks[2], COTHREAD_WITHDRAW, 0);
    turn(tasks[2], COTHREAD_WITHDRAW, 0);
    expect(batch(COTHREAD_NOW), 0);

    /* finished while it waits; twice; and asked for more */
    turn(tasks[1], COTHREAD_FINISH, 0);
    turn(tasks[1], COTHREAD_FINISH, 0);
    turn(tasks[1], COTHREAD_WAIT_EVENT, other);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_event_signal(other, NULL), 0);

    /* a count that no host writes */
    ring->request_count = -1;
    expect(cothread_submit(), COTHREAD_EINVAL);
    ring->request_count = ring->capacity + 1;
    expect(cothread_poll_scheduler(COTHREAD_NOW), COTHREAD_EINVAL);
    ring->request_count = 0;

    turn(tasks[0], COTHREAD_FINISH, 0);
    turn(tasks[2], COTHREAD_FINISH, 0);
    expect(cothread_submit(), 2);
    return nothing_left();
}
