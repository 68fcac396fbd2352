/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

static void *changes_files(void *unused) {
    write_file("b", "later");
    return unused;
}

int main(void) {
    cothread_handle all, file, some;
    pthread_t thread;
    char other[80];
    make_directory();
    snprintf(other, sizeof other, "%s-other", directory);
    handle(cothread_create(NULL));
    write_file("before", "");
    all = handle(cothread_watch_open(directory, ANYTHING & ~COTHREAD_CHANGE_ATTRIBUTES, 0));
    some = handle(cothread_watch_open(directory, DELETED, 0));
    note_change(all, COTHREAD_NOW);
    write_file("a", "text");
    note_changes(all);
    expect_order("nothing 1:a 2:a 4:a");

    file = handle(cothread_watch_open(in_directory("a"), ANYTHING, 0));
    expect(chmod(in_directory("a"), 0400), 0);
    note_changes(file);
    expect(rename(in_directory("a"), other), 0);
    note_changes(all);
    note_changes(file);
    expect(rename(other, in_directory("a")), 0);
    note_changes(all);
    note_changes(file);
    expect_order("8 32:a 32 64:a 32");
    expect(mkdir(in_directory("d"), 0700), 0);
    expect(rmdir(in_directory("d")), 0);
    note_changes(all);
    expect_order("257:d 272:d");

    remove_file("a"); /* of the file itself: attributes, deleted, gone */
    note_changes(all);
    note_changes(file);
    expect_order("16:a 8 16 512");
    note_change(file, COTHREAD_FOREVER);
    expect_order("closed");
    expect(cothread_close(file), 0);
    note_changes(some);
    expect_order("272:d 16:a");

    expect(pthread_create(&thread, NULL, changes_files, NULL), 0); /* while the scheduler sleeps, or before */
    note_change(all, COTHREAD_FOREVER);
    note_change(all, COTHREAD_FOREVER);
    note_change(all, COTHREAD_FOREVER);
    expect(pthread_join(thread, NULL), 0);
    expect_order("1:b 2:b 4:b");
    remove_file("b");
    remove_file("before");
    expect(rmdir(directory), 0);
    note_changes(all);
    note_changes(some);
    expect_order("16:b 16:before 16 512 16:b 16:before 16 512");
    expect(cothread_close(all), 0);
    expect(cothread_close(some), 0);
    return nothing_left();
}
