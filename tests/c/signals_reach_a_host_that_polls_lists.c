/* One signal by the handler, one by signalfd, each for two tasks that wait at the same time: the second is served by a report that
 * comes after the first.
 * SPDX-License-Identifier: Apache-2.0 */
#include "list_host.h"
#include "one_item.h"

static cothread_handle objects[2];

static void *takes_one(void *which) {
    expect(wait_signal(objects[(intptr_t)which], COTHREAD_FOREVER), 1);
    note("%d", (int)(intptr_t)which);
    return NULL;
}

int main(void) {
    static const int numbers[] = {SIGUSR1, SIGUSR2};
    sigset_t blocked;
    cothread_handle tasks[4];
    int i, round;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    expect(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    hosted(COTHREAD_HOST_POLLS);
    for (i = 0; i < 2; i++)
        objects[i] = handle(cothread_signal_open(numbers[i], 0));
    for (round = 0; round < 3; round++) {
        for (i = 0; i < 4; i++)
            tasks[i] = spawn(takes_one, (void *)(intptr_t)(i % 2));
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0); /* all of them wait */
        for (i = 0; i < 4; i++) {
            expect(kill(getpid(), numbers[i % 2]), 0);
            while (cothread_join(tasks[i], NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
                host_round();
        }
        expect_order("0 1 0 1");
    }
    for (i = 0; i < 2; i++)
        expect(cothread_close(objects[i]), 0);
    return nothing_left();
}
