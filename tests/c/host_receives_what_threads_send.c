/* SPDX-License-Identifier: Apache-2.0 */
#include "list_host.h"

/* Host tasks receive what threads send, with each way of waiting: in the library, for its descriptor, and in a poll(2) of the
 * host's own. The threads send one element at a time, each when the one before has arrived, so that each has to wake the host. */
enum { ELEMENTS = 200 };

static cothread_handle channel;
static _Atomic int arrived;
static int64_t place;

static void *sender(void *unused) {
    for (int64_t i = 0; i < ELEMENTS; i++) {
        while (arrived != i)
            usleep(10);
        expect(cothread_channel_send(channel, &i, i % 2 ? COTHREAD_NOW : COTHREAD_FOREVER), 0);
    }
    return unused;
}

static void in_the_library(void) {
    expect(cothread_poll_scheduler(COTHREAD_FOREVER) >= 0, 1);
}

static void for_its_descriptor(void) {
    struct pollfd entry = {.fd = handle(cothread_poll_fd()), .events = POLLIN};
    expect(cothread_submit() >= 0, 1);
    expect(poll(&entry, 1, 60000), 1);
    expect(cothread_poll_scheduler(COTHREAD_NOW) >= 0, 1);
}

static void in_poll(void) {
    expect(cothread_submit() >= 0, 1);
    host_round();
}

static void run(uint32_t flags, void (*wait)(void)) {
    pthread_t thread;
    hosted(flags);
    channel = handle(cothread_channel_create(8, 4, COTHREAD_FROM_THREADS));
    cothread_handle task = handle(cothread_host_create(7, NULL, 0));
    arrived = 0;
    wait_on(task, COTHREAD_WAIT_RECEIVE, channel, &place);
    expect(cothread_submit(), 1);
    expect(pthread_create(&thread, NULL, sender, NULL), 0);
    while (arrived < ELEMENTS) {
        wait();
        if (ring->ready_count == 0)
            continue;
        expect(ring->ready_count, 1);
        expect(ring->ready[0].token, 7);
        expect(ring->ready[0].reason, 0);
        expect(place, arrived);
        wait_on(task, COTHREAD_WAIT_RECEIVE, channel, &place);
        arrived++;
    }
    expect(pthread_join(thread, NULL), 0);
    finish(task, 0);
    expect(cothread_submit() >= 0, 1);
    expect(cothread_close(channel), 0);
    expect(cothread_destroy(cothread_current(), COTHREAD_FOREVER), 0);
}

int main(void) {
    run(0, in_the_library);
    run(0, for_its_descriptor);
    run(COTHREAD_HOST_POLLS, in_poll);
    return 0;
}
