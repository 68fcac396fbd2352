/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

int main(void) {
    cothread_item item = {.kind = COTHREAD_ITEM_SIGNAL};
    uint64_t token = 7;
    cothread_handle task;
    hosted(0);
    item.object = handle(cothread_signal_open(SIGUSR1, 0));
    task = handle(cothread_host_create(token, NULL, 0));
    request((cothread_request){.task = task,
                               .operation = COTHREAD_WAIT_ITEMS,
                               .fd = 1,
                               .deadline = COTHREAD_FOREVER,
                               .object = sizeof item,
                               .value = (int64_t)(intptr_t)&item});
    expect(cothread_submit(), 1);
    expect(raise(SIGUSR1), 0);
    expect(raise(SIGUSR1), 0);
    expect(batch(COTHREAD_FOREVER), 1);
    expect(ring->ready[0].reason, 0);
    expect(ring->ready[0].events, 2); /* the result */
    expect(ring->ready[0].value, getpid());
    expect(ring->ready[0].item, 1);
    finish(task, 0);
    expect(cothread_submit(), 1);
    expect(cothread_close(item.object), 0);
    return nothing_left();
}
