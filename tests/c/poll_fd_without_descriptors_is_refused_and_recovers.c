/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"
#include <poll.h>
#include <sys/resource.h>

/* The timer behind the descriptor is made with it: made later, the host could not be told that it failed, and would
 * sleep past its deadlines. */
int main(void) {
    struct rlimit limit;
    struct pollfd entry = {.events = POLLIN};
    int taken[128], count = 0;
    cothread_handle task;
    hosted(0);
    task = handle(cothread_host_create(1, NULL, 0));
    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 100;
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((taken[count] = dup(0)) >= 0)
        count++;
    expect(errno, EMFILE);
    expect(cothread_poll_fd(), COTHREAD_ELIMIT);
    expect(cothread_last_error()[0] != 0, 1);
    expect(cothread_poll_fd(), COTHREAD_ELIMIT);

    close(taken[--count]);
    entry.fd = cothread_poll_fd();
    expect(entry.fd >= 0, 1);
    while (cothread_poll_scheduler(COTHREAD_NOW) > 0 || poll(&entry, 1, 0))
        continue;
    wait_for(task, cothread_after(COTHREAD_MILLISECOND));
    expect(cothread_submit(), 1);
    do
        expect(poll(&entry, 1, -1), 1);
    while (batch(COTHREAD_NOW) == 0);
    expect_order("1:-10");
    while (count > 0)
        close(taken[--count]);
    finish(task, 0);
    expect(cothread_submit(), 1);
    return nothing_left();
}
