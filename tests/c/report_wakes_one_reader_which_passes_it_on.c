/* SPDX-License-Identifier: Apache-2.0
 * 100 tasks read one adopted descriptor. Each message wakes about one of them; those that come in one report wake as many. */
#include "test.h"

enum { READERS = 100, MESSAGES = 50 };
static cothread_handle adopted;
static int got;

static void *reader(void *unused) {
    char message[4];
    int64_t n;
    while ((n = cothread_read(adopted, message, sizeof message, COTHREAD_FOREVER)) > 0) {
        expect(n, sizeof message);
        got++;
    }
    return unused;
}

int main(void) {
    int fds[2], i;
    cothread_handle tasks[READERS], scheduler = handle(cothread_create(NULL));
    uint64_t switches;
    expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    adopted = handle(cothread_adopt(fds[0], 0));
    for (i = 0; i < READERS; i++)
        tasks[i] = spawn(reader, NULL);
    expect(cothread_yield(), 0);
    expect(cothread_yield(), 0);

    switches = statistics(scheduler).switches;
    for (i = 0; i < MESSAGES; i++) {
        expect(write(fds[1], "abcd", 4), 4);
        while (got <= i)
            expect(cothread_yield(), 0);
    }
    expect(statistics(scheduler).switches - switches < 4 * MESSAGES, 1);

    got = 0; /* all in one report: what the first leaves wakes the next */
    for (i = 0; i < MESSAGES; i++)
        expect(write(fds[1], "abcd", 4), 4);
    while (got < MESSAGES)
        expect(cothread_yield(), 0);
    close(fds[1]);
    for (i = 0; i < READERS; i++)
        join(tasks[i]);
    expect(cothread_close(adopted), 0);
    return nothing_left();
}
