/* A hosted scheduler's own stack looks at several things in the block of a wait that was withdrawn in the same submission, and
 * that the tick half has not seen yet. It is an observer's call: nothing else runs there.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"
#include "host.h"

static int fds[2];
static cothread_handle event, ends[2];
static int looks;

static void looks_at_two(cothread_handle connection, int from, int to, void *unused) {
    cothread_item items[2] = {{.kind = COTHREAD_ITEM_FD, .want = COTHREAD_READABLE, .object = fds[0]},
                              {.kind = COTHREAD_ITEM_EVENT, .object = event}};
    (void)connection, (void)from, (void)unused;
    if (to != COTHREAD_STATE_FAILED)
        return;
    looks++;
    expect(cothread_wait(items, sizeof *items, 2, COTHREAD_NOW, 0), COTHREAD_ETIMEDOUT);
}

static void wait_for_items(cothread_handle task, cothread_item *items, int count) {
    request((cothread_request){.task = task, .operation = COTHREAD_WAIT_ITEMS, .fd = count, .object = sizeof *items,
                               .value = (int64_t)(intptr_t)items, .deadline = COTHREAD_FOREVER});
}

int main(void) {
    cothread_handle scheduler = hosted(0), first = handle(cothread_host_create(1, NULL, 0)), second = handle(cothread_host_create(2, NULL, 0));
    event = handle(cothread_event_create(0));
    expect(pipe(fds), 0);
    connected(unix_pair, ends);
    expect(cothread_connection_observe(ends[0], looks_at_two, NULL), 0);
    expect(cothread_connection_limit(ends[0], COTHREAD_STATE_OPEN, 1), 0);
    cothread_item two[2] = {{.kind = COTHREAD_ITEM_FD, .want = COTHREAD_READABLE, .object = fds[0]},
                            {.kind = COTHREAD_ITEM_EVENT, .object = event}};
    cothread_item three[3];
    for (int i = 0; i < 3; i++)
        three[i] = (cothread_item){.kind = COTHREAD_ITEM_CONNECTION, .want = COTHREAD_READABLE, .object = ends[0]};
    wait_for_items(first, two, 2);
    request((cothread_request){.task = first, .operation = COTHREAD_WITHDRAW});
    wait_for_items(second, three, 3);
    expect(batch(COTHREAD_NOW), 3);
    expect(looks, 1);
    finish(first, 0);
    finish(second, 0);
    expect(batch(COTHREAD_NOW), 0);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 0);
    return 0;
}
