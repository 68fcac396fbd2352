/* A peer sends many short lines at once. A task that reads them by a large bound takes no more of the processor's time than one
 * with a small bound: what is buffered is not moved for each line.
 * SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

#include <time.h>

enum { LINES = SANITIZED ? 20000 : 200000, LARGEST = 1 << 20 };
static char lines[2 * LINES], line[LARGEST];

static int64_t processor_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * COTHREAD_SECOND + now.tv_nsec;
}

/* How long it takes to read all lines, which were buffered before. */
static int64_t with_bound(size_t bound) {
    cothread_handle c;
    int fds[2];
    int64_t began;
    unix_pair(fds);
    c = handle(cothread_connection_adopt(fds[0], lines, sizeof lines, NULL));
    expect(send(fds[1], "last\n", 5, 0), 5);
    began = processor_time();
    for (int i = 0; i < LINES; i++)
        expect(cothread_connection_read_until(c, "\n", 1, line, bound, COTHREAD_FOREVER), 2);
    expect(cothread_connection_read_until(c, "\n", 1, line, bound, COTHREAD_FOREVER), 5);
    began = processor_time() - began;
    expect(cothread_close(c), 0);
    close(fds[1]);
    return began;
}

int main(void) {
    int64_t small = INT64_MAX, large = INT64_MAX;
    handle(cothread_create(NULL));
    for (int i = 0; i < 2 * LINES; i++)
        lines[i] = i % 2 ? '\n' : 'x';
    for (int round = 0; round < 3; round++) {
        int64_t took = with_bound(100);
        small = took < small ? took : small;
        took = with_bound(LARGEST);
        large = took < large ? took : large;
    }
    printf("by a small bound %lld ns, by a large one %lld\n", (long long)small, (long long)large);
    expect(large < 10 * small, 1);
    return nothing_left();
}
