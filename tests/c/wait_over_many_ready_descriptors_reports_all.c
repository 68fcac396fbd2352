/* The poller reports some descriptors at a time. A task that waits for more of them, or beside a crowd of others, goes on with
 * all that are ready, all the same.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

enum { MANY = 300 };
static int many[MANY][2];

static void *waits(void *first) {
    static cothread_item items[MANY];
    int count = 0;
    for (int i = *(int *)first; i < MANY; i++)
        items[count++] = (cothread_item){.kind = COTHREAD_ITEM_FD, .object = many[i][0], .want = COTHREAD_READABLE};
    expect(cothread_wait(items, sizeof *items, (size_t)count, COTHREAD_FOREVER, 0), count);
    return NULL;
}

static void *waits_alone(void *fd) {
    expect(cothread_wait_fd(*(int *)fd, COTHREAD_READABLE, COTHREAD_FOREVER), COTHREAD_READABLE);
    return NULL;
}

/* So many wait each for one, and another task for the rest. */
static void tried(int alone) {
    cothread_handle tasks[MANY], task;
    int i;
    for (i = 0; i < MANY; i++)
        expect(socketpair(AF_UNIX, SOCK_STREAM, 0, many[i]), 0);
    task = spawn(waits, &alone);
    for (i = 0; i < alone; i++)
        tasks[i] = spawn(waits_alone, &many[i][0]);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0); /* the poller knows of all */
    expect(write(many[MANY - 1][1], "x", 1), 1);
    for (i = 0; i < MANY - 1; i++)
        expect(write(many[i][1], "x", 1), 1);
    for (i = 0; i < alone; i++)
        join(tasks[i]);
    join(task);
    for (i = 0; i < MANY; i++) {
        close(many[i][0]);
        close(many[i][1]);
    }
}

int main(void) {
    handle(cothread_create(NULL));
    tried(0);
    tried(MANY - 2);
    return nothing_left();
}
