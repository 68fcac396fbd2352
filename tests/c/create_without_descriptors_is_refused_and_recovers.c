/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include <sys/resource.h>

/* How many descriptors this process can still open. */
static int room(void) {
    int taken[128], count = 0, i;
    while ((taken[count] = dup(0)) >= 0)
        count++;
    expect(errno, EMFILE);
    for (i = 0; i < count; i++)
        close(taken[i]);
    return count;
}

int main(void) {
    struct rlimit limit;
    int taken[128], count = 0, left;
    handle(cothread_create(NULL));
    nothing_left(); /* Go has opened what it keeps */
    expect(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 100;
    expect(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((taken[count] = dup(0)) >= 0)
        count++;
    for (left = 0; left < 20; left++) { /* one more each time, until there are enough */
        cothread_handle scheduler = cothread_create(NULL);
        if (scheduler > 0)
            break;
        expect(scheduler, COTHREAD_ELIMIT);
        expect(cothread_last_error()[0] != 0, 1);
        expect(cothread_current(), COTHREAD_ENOSCHEDULER);
        expect(room(), left); /* the refused attempt left none open */
        close(taken[--count]);
    }
    expect(left > 0 && left < 20, 1);
    nothing_left();
    expect(room(), left);
    return 0;
}
