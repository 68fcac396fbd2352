/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

enum { POSTS = 10000 };

int main(void) {
    cothread_options options = {.size = sizeof options, .flags = COTHREAD_HOSTED, .callback_budget = POSTS};
    cothread_handle scheduler = handle(cothread_create(&options));
    int count, i, got = 0;
    ring = cothread_host_ring();
    for (i = 0; i < POSTS; i++)
        expect(cothread_post(scheduler, NULL, (void *)(intptr_t)i, COTHREAD_NOW), 0);
    while (got < POSTS) {
        count = cothread_poll_scheduler(COTHREAD_NOW);
        expect(count > 0 && count <= (int)ring->capacity, 1);
        for (i = 0; i < count; i++, got++) {
            expect(ring->ready[i].reason, COTHREAD_POSTED);
            expect(ring->ready[i].token, got);
        }
    }
    expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    return nothing_left();
}
