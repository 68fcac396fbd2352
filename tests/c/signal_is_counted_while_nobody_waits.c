/* SPDX-License-Identifier: Apache-2.0 */
#include "one_item.h"

int main(void) {
    cothread_handle reload, stop;
    pid_t child;
    handle(cothread_create(NULL));
    reload = handle(cothread_signal_open(SIGHUP, 0));
    stop = handle(cothread_signal_open(SIGTERM, 0));
    expect(wait_signal(reload, COTHREAD_NOW), COTHREAD_ETIMEDOUT);

    expect(kill(getpid(), SIGHUP), 0);
    expect(wait_signal(reload, COTHREAD_FOREVER), 1);
    expect(item_value, getpid());
    expect(kill(getpid(), SIGHUP), 0); /* a second and a third, while the first is being served */
    expect(kill(getpid(), SIGHUP), 0);
    expect(wait_signal(reload, COTHREAD_NOW), 2);
    expect(wait_signal(reload, COTHREAD_NOW), COTHREAD_ETIMEDOUT);

    child = fork(); /* a process of its own, so that the sender is another one */
    if (child == 0) {
        kill(getppid(), SIGTERM);
        _exit(0);
    }
    expect(wait_signal(stop, COTHREAD_FOREVER), 1);
    expect(item_value, child);
    expect(cothread_close(reload), 0);
    expect(cothread_close(stop), 0);
    return nothing_left();
}
