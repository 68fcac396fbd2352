/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static cothread_handle adopted;

static void *reader(void *unused) {
    char buffer[16];
    expect(cothread_read(adopted, buffer, sizeof buffer, COTHREAD_FOREVER), 5);
    expect(memcmp(buffer, "hello", 5), 0);
    note("hello");
    expect(cothread_read(adopted, buffer, 2, COTHREAD_FOREVER), 2);
    expect(cothread_read(adopted, buffer + 2, sizeof buffer - 2, COTHREAD_FOREVER), 3);
    expect(memcmp(buffer, "world", 5), 0);
    expect(cothread_read(adopted, buffer, 1, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_read(adopted, buffer, 1, cothread_after(COTHREAD_MILLISECOND)), COTHREAD_ETIMEDOUT);
    return unused;
}

int main(void) {
    int fds[2];
    cothread_handle task;
    handle(cothread_create(NULL));
    adopted = adopted_pair(fds);
    task = spawn(reader, NULL);
    expect(cothread_yield(), 0);
    expect(write(fds[1], "hello", 5), 5);
    while (strcmp(order, "hello") != 0)
        expect(cothread_yield(), 0);
    expect(write(fds[1], "world", 5), 5);
    join(task);
    expect(cothread_close(adopted), 0);
    close(fds[1]);
    return nothing_left();
}
