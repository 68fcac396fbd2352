/* A directory to watch, and what its files do.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WATCH_H
#define WATCH_H

#include "one_item.h"

#include <fcntl.h>
#include <sys/stat.h>

static char directory[64];

static inline void make_directory(void) {
    strcpy(directory, "/tmp/cothread-watch-XXXXXX");
    expect(mkdtemp(directory) != NULL, 1);
}

static inline const char *in_directory(const char *name) {
    static char path[4][512];
    static int which;
    char *text = path[which++ % 4];
    snprintf(text, 512, "%.60s/%.300s", directory, name);
    return text;
}

static inline void write_file(const char *name, const char *text) {
    int fd = open(in_directory(name), O_WRONLY | O_CREAT, 0600);
    expect(fd >= 0, 1);
    expect(write(fd, text, strlen(text)), (long long)strlen(text));
    expect(close(fd), 0);
}

static inline void remove_file(const char *name) {
    expect(unlink(in_directory(name)), 0);
}

static cothread_change change = {.size = sizeof change};

/* Takes one change, and notes it: its bits, and its name if it has one. */
static inline void note_change(cothread_handle watch, int64_t deadline) {
    int rc = wait_item(COTHREAD_ITEM_FILE, watch, &change, deadline);
    if (rc < 0) {
        note("%s", rc == COTHREAD_ETIMEDOUT ? "nothing" : rc == COTHREAD_ECLOSED ? "closed" : cothread_strerror(rc));
        return;
    }
    expect(rc, 1);
    expect(item_value, change.changes);
    note("%u%s%s", change.changes, *change.name ? ":" : "", change.name);
}

static inline void note_changes(cothread_handle watch) {
    while (cothread_yield() == 0) {
        int rc = wait_item(COTHREAD_ITEM_FILE, watch, &change, COTHREAD_NOW);
        if (rc < 0)
            break;
        note("%u%s%s", change.changes, *change.name ? ":" : "", change.name);
    }
}

enum {
    CREATED = COTHREAD_CHANGE_CREATED,
    MODIFIED = COTHREAD_CHANGE_MODIFIED,
    WRITTEN = COTHREAD_CHANGE_WRITTEN,
    DELETED = COTHREAD_CHANGE_DELETED,
    MOVED_OUT = COTHREAD_CHANGE_MOVED_OUT,
    MOVED_IN = COTHREAD_CHANGE_MOVED_IN,
    ANYTHING = 127,
};

#endif
