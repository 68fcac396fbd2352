/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"
#include "open_descriptors.h"

int main(void) {
    cothread_handle watch, scheduler = handle(cothread_create(NULL));
    int before;
    char name[300];
    make_directory();
    before = open_descriptors();
    expect(cothread_watch_open(NULL, CREATED, 0), COTHREAD_EINVAL);
    expect(cothread_watch_open(directory, 0, 0), COTHREAD_EINVAL);
    expect(cothread_watch_open(directory, 128, 0), COTHREAD_EINVAL);
    expect(cothread_watch_open(directory, COTHREAD_CHANGE_GONE, 0), COTHREAD_EINVAL);
    expect(cothread_watch_open(directory, CREATED, 1), COTHREAD_EINVAL);
    expect(cothread_watch_open(in_directory("none"), CREATED, 0), COTHREAD_ESYSTEM);
    expect(errno, ENOENT);
    expect(strstr(cothread_last_error(), "none") != NULL, 1);
    expect(open_descriptors(), before);
    expect(statistics(scheduler).watches, 0);

    watch = handle(cothread_watch_open(directory, CREATED, 0));
    expect(open_descriptors(), before + 1);
    expect(cothread_watch_open(in_directory("none"), CREATED, 0), COTHREAD_ESYSTEM);
    expect(statistics(scheduler).watches, 1);
    memset(name, 'n', 255);
    name[255] = 0;
    write_file(name, ""); /* the longest there can be */
    expect(wait_item(COTHREAD_ITEM_FILE, watch, &change, COTHREAD_FOREVER), 1);
    expect(strcmp(change.name, name), 0);
    remove_file(name);
    expect(cothread_close(watch), 0);
    expect(open_descriptors(), before); /* the last one's close */
    expect(wait_item(COTHREAD_ITEM_FILE, watch, &change, COTHREAD_NOW), COTHREAD_EHANDLE);

    watch = handle(cothread_watch_open(directory, CREATED, 0));
    write_file("a", "");
    expect(cothread_yield(), 0); /* queued, and never taken */
    remove_file("a");
    expect(rmdir(directory), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    expect(strstr(cothread_last_error(), "file watch 1") != NULL, 1);
    return 0;
}
