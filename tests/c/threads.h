/* The threads of this process, as the kernel lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef THREADS_H
#define THREADS_H

#include "test.h"

#include <dirent.h>

static inline void each_thread(void (*visit)(int thread)) {
    DIR *directory = opendir("/proc/self/task");
    struct dirent *entry;
    if (!directory)
        fail_at(__FILE__, __LINE__, "/proc/self/task: %s", strerror(errno));
    while ((entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            visit(atoi(entry->d_name));
    closedir(directory);
}

static int threads_counted;
static inline void count_one(int thread) {
    (void)thread;
    threads_counted++;
}

static inline int count_threads(void) {
    threads_counted = 0;
    each_thread(count_one);
    return threads_counted;
}

/* NULL: the thread has ended. */
static inline FILE *status_of(int thread) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    return fopen(path, "r");
}

/* threads_of_pools_end returns when no thread of a pool lives. */
static int threads_of_pools;
static inline void count_if_of_a_pool(int thread) {
    char name[32];
    FILE *status = status_of(thread);
    if (!status)
        return;
    if (fscanf(status, "Name: %31s", name) == 1 && strcmp(name, "cothread-pool") == 0)
        threads_of_pools++;
    fclose(status);
}

static inline void threads_of_pools_end(void) {
    do {
        threads_of_pools = 0;
        each_thread(count_if_of_a_pool);
    } while (threads_of_pools > 0);
}

#endif
