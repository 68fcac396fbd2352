/* While a task looks at several connections, one of them fails by its limit, and its observer closes the others, as a proxy
 * closes the other side: those items are told so.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

enum { CROWD = 8 };

static cothread_handle ends[CROWD][2];

static void closes_the_others(cothread_handle connection, int from, int to, void *argument) {
    (void)from, (void)argument;
    for (int i = 0; i < CROWD && to == COTHREAD_STATE_FAILED; i++)
        if (ends[i][0] != connection)
            expect(cothread_close(ends[i][0]), 0);
}

static void *waits(void *deadline) {
    cothread_item items[CROWD];
    memset(items, 0, sizeof items);
    for (int i = 0; i < CROWD; i++)
        items[i] = (cothread_item){.kind = COTHREAD_ITEM_CONNECTION, .want = COTHREAD_READABLE, .object = ends[i][0]};
    expect(cothread_wait(items, sizeof *items, CROWD, *(int64_t *)deadline, 0), CROWD);
    for (int i = 0; i < CROWD; i++)
        expect(items[i].result, i == CROWD / 2 ? (int)COTHREAD_ERROR : COTHREAD_ECLOSED);
    return NULL;
}

/* The limit passes while nobody looks, or while a task waits. */
static void tried(int waiting) {
    int64_t deadline = waiting ? COTHREAD_FOREVER : COTHREAD_NOW;
    for (int i = 0; i < CROWD; i++)
        connected(unix_pair, ends[i]);
    expect(cothread_connection_observe(ends[CROWD / 2][0], closes_the_others, NULL), 0);
    expect(cothread_connection_limit(ends[CROWD / 2][0], COTHREAD_STATE_OPEN, waiting ? 20 * COTHREAD_MILLISECOND : 1), 0);
    if (!waiting)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    join(spawn(waits, &deadline));
    expect(cothread_close(ends[CROWD / 2][0]), 0);
    for (int i = 0; i < CROWD; i++)
        expect(cothread_close(ends[i][1]), 0);
}

int main(void) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    tried(0);
    tried(1);
    expect(cothread_destroy(scheduler, COTHREAD_NOW), 0);
    return 0;
}
