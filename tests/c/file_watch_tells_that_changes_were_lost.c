/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

static void make_and_remove(int from, int to) {
    int i;
    for (i = from; i < to; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d", i);
        write_file(name, "");
        remove_file(name);
    }
}

static int kernel_keeps(void) {
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    int most = 0;
    expect(file && fscanf(file, "%d", &most) == 1, 1);
    fclose(file);
    return most;
}

int main(void) {
    cothread_handle watch, late;
    int i;
    make_directory();
    handle(cothread_create(NULL));
    watch = handle(cothread_watch_open(directory, CREATED, 0));
    make_and_remove(0, 1200);
    late = handle(cothread_watch_open(directory, CREATED, 0)); /* not told of what came before */
    note_change(late, COTHREAD_NOW);
    expect_order("nothing");
    for (i = 0; i < 1024; i++) {
        expect(wait_item(COTHREAD_ITEM_FILE, watch, &change, COTHREAD_NOW), 1);
        expect(change.changes, CREATED);
        expect(atoi(change.name), i);
    }
    make_and_remove(2000, 2001); /* before the loss is told of: dropped, too */
    note_change(late, COTHREAD_NOW);
    note_change(watch, COTHREAD_NOW);
    note_change(watch, COTHREAD_NOW);
    make_and_remove(3000, 3001);
    note_change(watch, COTHREAD_NOW);
    expect_order("1:2000 1024 nothing 1:3000");

    /* more than the kernel keeps of a user that does not read: whoever watches is told, of whatever */
    expect(mkdir(in_directory("quiet"), 0700), 0);
    expect(cothread_close(late), 0);
    late = handle(cothread_watch_open(in_directory("quiet"), CREATED, 0));
    make_and_remove(0, kernel_keeps() + 1);
    note_change(late, COTHREAD_NOW);
    note_change(late, COTHREAD_NOW);
    expect_order("1024 nothing");
    expect(cothread_close(watch), 0);
    expect(cothread_close(late), 0);
    expect(rmdir(in_directory("quiet")), 0);
    expect(rmdir(directory), 0);
    return nothing_left();
}
