/* A service that reads its configuration again on SIGHUP or when the file is replaced, and ends on
 * SIGTERM.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <cothread.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/cothread-reload-XXXXXX";

static void *serve(void *unused) {
    static const uint32_t replaced = COTHREAD_CHANGE_WRITTEN | COTHREAD_CHANGE_MOVED_IN;
    cothread_handle reload = cothread_signal_open(SIGHUP, 0);
    cothread_handle stop = cothread_signal_open(SIGTERM, 0);
    cothread_handle files = cothread_watch_open(directory, replaced, 0);
    cothread_change change = {.size = sizeof change};
    cothread_item items[] = {
        {.kind = COTHREAD_ITEM_SIGNAL, .object = reload},
        {.kind = COTHREAD_ITEM_SIGNAL, .object = stop},
        {.kind = COTHREAD_ITEM_FILE, .object = files, .element = &change},
    };
    while (cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0) > 0 && !items[1].fired) {
        if (items[0].fired)
            printf("process %d asked: read everything again\n", (int)items[0].value);
        if (items[2].fired && strcmp(change.name, "service.conf") == 0)
            printf("service.conf is new: read it again\n");
    }
    printf("stopping\n");
    cothread_close(reload);
    cothread_close(stop);
    cothread_close(files);
    return unused;
}

/* What an administrator does: writes beside the file, and puts the new one in its place. */
static void replace_configuration(void) {
    char written[64], name[64];
    snprintf(written, sizeof written, "%s/.new", directory);
    snprintf(name, sizeof name, "%s/service.conf", directory);
    close(open(written, O_CREAT | O_WRONLY, 0600));
    rename(written, name);
    cothread_sleep(10 * COTHREAD_MILLISECOND);
    unlink(name);
}

int main(void) {
    cothread_handle scheduler = cothread_create(NULL), service;
    if (scheduler < 0 || !mkdtemp(directory) || (service = cothread_spawn(serve, NULL, NULL)) < 0) {
        fprintf(stderr, "%s\n", cothread_last_error());
        return 1;
    }
    cothread_yield(); /* it waits now */
    replace_configuration();
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGTERM);
    cothread_join(service, NULL, COTHREAD_FOREVER);
    rmdir(directory);
    return cothread_destroy(scheduler, COTHREAD_FOREVER);
}
