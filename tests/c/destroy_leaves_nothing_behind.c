/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <malloc.h>
#include <dirent.h>

static int entries(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;
    expect(directory != NULL, 1);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static long address_space(void) { /* pages */
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    expect(file != NULL && fscanf(file, "%ld", &pages) == 1, 1);
    fclose(file);
    return pages;
}

static void *task(void *unused) {
    expect(cothread_wait_until(COTHREAD_FOREVER), COTHREAD_ECANCELED);
    return unused;
}

static void callback(void *unused) {
    (void)unused;
}

static void live_and_die(void) {
    int fds[2];
    cothread_handle scheduler = handle(cothread_create(NULL));
    spawn(task, NULL);
    handle(cothread_event_create(0));
    handle(cothread_channel_create(1000, 100, 0));
    handle(cothread_mailbox_create(callback, 0, 0));
    expect(pipe(fds), 0);
    handle(cothread_adopt(fds[0], 0));
    expect(cothread_wait_fd(fds[1], COTHREAD_WRITABLE, COTHREAD_FOREVER), COTHREAD_WRITABLE);
    expect(cothread_sleep_until(cothread_after(COTHREAD_MICROSECOND)), 0);
    expect(cothread_post(scheduler, callback, NULL, COTHREAD_NOW), 0);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    close(fds[1]); /* the other end is adopted: the library's to close */
}

int main(void) {
    int i, descriptors, threads;
    long pages;
    mallopt(M_ARENA_MAX, 1); /* or each thread of Go's that calls malloc takes 64 MB of addresses */
    for (i = 0; i < 100; i++)
        live_and_die();
    descriptors = entries("/proc/self/fd");
    threads = entries("/proc/self/task");
    pages = address_space();
    for (i = 0; i < 2000; i++)
        live_and_die();
    /* Go may open the two of its own poller at any time */
    expect(entries("/proc/self/fd") <= descriptors + 2, 1);
    /* Go may start a thread of its own at any time, but not one per scheduler */
    expect(entries("/proc/self/task") < threads + 10, 1);
#ifndef __SANITIZE_ADDRESS__ /* which keeps a fake stack for the task of the callbacks */
    /* nor may the stacks of each stay: 2000 of 64 KB would be 32 000 pages. Go's heap may take another 64 MB arena */
    expect(address_space() - pages < 20000, 1);
#else
    (void)pages;
#endif
    return 0;
}
