/* Two tasks wait at the same time for changes of different directories, which come one after the other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "list_host.h"
#include "watch.h"

static void *takes_one(void *watch) {
    cothread_change own = {.size = sizeof own};
    expect(wait_item(COTHREAD_ITEM_FILE, *(cothread_handle *)watch, &own, COTHREAD_FOREVER), 1);
    note("%s", own.name);
    return NULL;
}

int main(void) {
    cothread_handle watches[2], tasks[2];
    cothread_item item = {.kind = COTHREAD_ITEM_FILE, .element = &change};
    int i, round;
    make_directory();
    expect(mkdir(in_directory("d"), 0700), 0);
    hosted(COTHREAD_HOST_POLLS);
    watches[0] = handle(cothread_watch_open(directory, CREATED, 0));
    watches[1] = handle(cothread_watch_open(in_directory("d"), CREATED, 0));
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 2; i++)
            tasks[i] = spawn(takes_one, &watches[i]);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
        for (i = 0; i < 2; i++) {
            write_file(i ? "d/b" : "a", "");
            while (cothread_join(tasks[i], NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
                host_round();
            remove_file(i ? "d/b" : "a");
        }
        expect_order("a b");
    }

    tasks[0] = handle(cothread_host_create(7, NULL, 0)); /* a host task's */
    item.object = watches[0];
    request((cothread_request){.task = tasks[0],
                               .operation = COTHREAD_WAIT_ITEMS,
                               .fd = 1,
                               .deadline = COTHREAD_FOREVER,
                               .object = sizeof item,
                               .value = (int64_t)(intptr_t)&item});
    expect(cothread_submit(), 1);
    write_file("a", "");
    do
        host_round();
    while (ring->ready_count == 0);
    expect(ring->ready[0].token, 7);
    expect(ring->ready[0].item, 1);
    expect(ring->ready[0].value, CREATED);
    expect(strcmp(change.name, "a"), 0);
    finish(tasks[0], 0);
    remove_file("a");
    tasks[0] = handle(cothread_host_create(8, NULL, 0)); /* one that ends with what it was handed */
    request((cothread_request){.task = tasks[0],
                               .operation = COTHREAD_WAIT_ITEMS,
                               .fd = 1,
                               .deadline = COTHREAD_FOREVER,
                               .object = sizeof item,
                               .value = (int64_t)(intptr_t)&item});
    write_file("a", "");
    expect(cothread_submit(), 2);
    finish(tasks[0], 0);
    expect(cothread_submit(), 1);
    remove_file("a");
    for (i = 0; i < 2; i++)
        expect(cothread_close(watches[i]), 0);
    expect(rmdir(in_directory("d")), 0);
    expect(rmdir(directory), 0);
    return nothing_left();
}
