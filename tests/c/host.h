/* A small host: what a binding does with the ring, without its own coroutines.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_H
#define HOST_H

#include "test.h"

static cothread_ring *ring;

static inline cothread_handle hosted(uint32_t more_flags) {
    cothread_options options;
    cothread_handle scheduler;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.flags = COTHREAD_HOSTED | more_flags;
    scheduler = handle(cothread_create(&options));
    ring = cothread_host_ring();
    expect(ring != NULL, 1);
    expect(ring->size, sizeof *ring);
    expect(ring->capacity, 4096);
    expect(ring->request_count, 0);
    return scheduler;
}

static inline void request(cothread_request r) {
    expect(ring->request_count < ring->capacity, 1);
    ring->requests[ring->request_count++] = r;
}

/* Polls until there is a batch, and notes each entry: token:reason, with :value if it was woken and :events if there
 * are any. */
static inline int batch(int64_t deadline) {
    int count, i;
    do
        count = cothread_poll_scheduler(deadline);
    while (count == 0 && deadline == COTHREAD_FOREVER);
    expect(count >= 0, 1);
    expect(ring->ready_count, count);
    expect(ring->request_count, 0);
    for (i = 0; i < count; i++) {
        const cothread_ready *ready = &ring->ready[i];
        note("%llu:%d", (unsigned long long)ready->token, (int)ready->reason);
        if (ready->reason == 0 && ready->value)
            order_length += (size_t)sprintf(order + order_length, ":%lld", (long long)ready->value);
        if (ready->events)
            order_length += (size_t)sprintf(order + order_length, ":%x", (unsigned)ready->events);
    }
    return count;
}

static inline void finish(cothread_handle task, int64_t value) {
    request((cothread_request){.task = task, .operation = COTHREAD_FINISH, .fd = -1, .value = value});
}

static inline void wait_for(cothread_handle task, int64_t deadline) {
    request((cothread_request){.task = task, .operation = COTHREAD_WAIT, .fd = -1, .deadline = deadline});
}

static inline void wait_on(cothread_handle task, int operation, cothread_handle object, void *place) {
    request((cothread_request){.task = task,
                               .operation = operation,
                               .fd = -1,
                               .deadline = COTHREAD_FOREVER,
                               .object = object,
                               .value = (int64_t)(intptr_t)place});
}

#endif
