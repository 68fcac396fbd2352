/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/resource.h>
#include <sys/socket.h>

enum { PAIRS = 1000, ROUNDS = 20 };

static void *echo(void *adopted) {
    char buffer[8];
    int64_t n;
    while ((n = cothread_read(*(cothread_handle *)adopted, buffer, sizeof buffer, COTHREAD_FOREVER)) > 0)
        expect(cothread_write(*(cothread_handle *)adopted, buffer, (size_t)n, COTHREAD_FOREVER), n);
    expect(n, 0);
    expect(cothread_close(*(cothread_handle *)adopted), 0);
    return NULL;
}

static void *client(void *adopted) {
    int i, got;
    for (i = 0; i < ROUNDS; i++) {
        expect(cothread_write(*(cothread_handle *)adopted, &i, sizeof i, COTHREAD_FOREVER), sizeof i);
        expect(cothread_read(*(cothread_handle *)adopted, &got, sizeof got, COTHREAD_FOREVER), sizeof got);
        expect(got, i);
    }
    expect(cothread_close(*(cothread_handle *)adopted), 0);
    return NULL;
}

int main(void) {
    static cothread_handle all_adopted[2 * PAIRS], tasks[2 * PAIRS];
    struct rlimit limit;
    int fds[2], i;
    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    handle(cothread_create(NULL));
    for (i = 0; i < 2 * PAIRS; i += 2) {
        expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        all_adopted[i] = handle(cothread_adopt(fds[0], 0));
        all_adopted[i + 1] = handle(cothread_adopt(fds[1], 0));
        tasks[i] = spawn(echo, &all_adopted[i]);
        tasks[i + 1] = spawn(client, &all_adopted[i + 1]);
    }
    for (i = 0; i < 2 * PAIRS; i++)
        join(tasks[i]);
    return nothing_left();
}
