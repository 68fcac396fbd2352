/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

static cothread_handle watch;

static void *takes(void *name) {
    cothread_change own = {.size = sizeof own};
    expect(wait_item(COTHREAD_ITEM_FILE, watch, &own, COTHREAD_FOREVER), 1);
    note("%s=%u:%s", (char *)name, own.changes, own.name);
    return NULL;
}

static void *takes_no_name(void *unused) {
    expect(wait_item(COTHREAD_ITEM_FILE, watch, NULL, COTHREAD_FOREVER), 1);
    note("%u", (unsigned)item_value);
    return unused;
}

static void *times_out(void *unused) {
    cothread_change own;
    memset(&own, 'x', sizeof own);
    own.size = sizeof own;
    expect(wait_item(COTHREAD_ITEM_FILE, watch, &own, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    expect(own.name[0], 'x'); /* left alone */
    note("timeout");
    return unused;
}

static void *ends(void *unused) {
    expect(wait_item(COTHREAD_ITEM_FILE, watch, NULL, COTHREAD_FOREVER), COTHREAD_ECLOSED);
    note("closed");
    return unused;
}

int main(void) {
    cothread_handle tasks[5];
    cothread_change small = {.size = 8};
    make_directory();
    handle(cothread_create(NULL));
    watch = handle(cothread_watch_open(directory, CREATED, 0));
    tasks[0] = spawn(times_out, NULL);
    tasks[1] = spawn(takes, "first");
    tasks[2] = spawn(takes, "second");
    tasks[3] = spawn(takes_no_name, NULL);
    tasks[4] = spawn(ends, NULL);
    join(tasks[0]);
    write_file("a", "");
    write_file("b", "");
    write_file("c", "");
    join(tasks[1]);
    join(tasks[2]);
    join(tasks[3]);
    expect(cothread_close(watch), 0);
    join(tasks[4]);
    expect_order("timeout first=1:a second=1:b 1 closed");

    watch = handle(cothread_watch_open(directory, ANYTHING, 0)); /* those who wait when it goes are told */
    remove_file("a");
    remove_file("b");
    remove_file("c");
    expect(wait_item(COTHREAD_ITEM_FILE, watch, &small, COTHREAD_NOW), COTHREAD_EINVAL);
    expect(wait_item(COTHREAD_ITEM_FILE, watch, (char *)&small + 1, COTHREAD_NOW), COTHREAD_EINVAL);
    note_changes(watch);
    expect_order("16:a 16:b 16:c");
    tasks[0] = spawn(takes, "last");
    tasks[1] = spawn(takes, "gone");
    tasks[2] = spawn(ends, NULL);
    expect(cothread_yield(), 0);
    expect(rmdir(directory), 0);
    join(tasks[0]);
    join(tasks[1]);
    join(tasks[2]);
    expect_order("last=16: gone=512: closed");
    expect(cothread_close(watch), 0);
    return nothing_left();
}
