/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/eventfd.h>
#include <sys/timerfd.h>

static cothread_handle counter;

static void *adds(void *unused) {
    uint64_t two = 2;
    expect(cothread_write(counter, &two, sizeof two, COTHREAD_FOREVER), sizeof two);
    return unused;
}

int main(void) {
    struct itimerspec in_a_moment = {{0, 0}, {0, 1000000}};
    int fds[2], timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    uint64_t value = 0;
    char byte = 'x';
    cothread_handle timer, task, reader, writer;
    handle(cothread_create(NULL));
    counter = handle(cothread_adopt(eventfd(0, EFD_CLOEXEC), 0));
    task = spawn(adds, NULL);
    expect(cothread_read(counter, &value, sizeof value, COTHREAD_FOREVER), sizeof value);
    expect(value, 2);
    join(task);
    timer = handle(cothread_adopt(timer_fd, 0));
    expect(timerfd_settime(timer_fd, 0, &in_a_moment, NULL), 0);
    expect(cothread_read(timer, &value, sizeof value, COTHREAD_FOREVER), sizeof value);
    expect(value >= 1, 1);
    expect(pipe(fds), 0);
    reader = handle(cothread_adopt(fds[0], 0));
    writer = handle(cothread_adopt(fds[1], 0));
    expect(cothread_write(writer, &byte, 1, COTHREAD_FOREVER), 1);
    expect(cothread_read(reader, &byte, 1, COTHREAD_FOREVER), 1);
    expect(cothread_close(writer), 0);
    expect(cothread_read(reader, &byte, 1, COTHREAD_FOREVER), 0);
    expect(cothread_accept(reader, COTHREAD_NOW), COTHREAD_ESYSTEM); /* no socket */
    expect(cothread_close(reader), 0);
    expect(cothread_close(counter), 0);
    expect(cothread_close(timer), 0);
    return nothing_left();
}
