/* descriptors.c - waiting for descriptors that the caller owns, by number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"

#include "../../system/descriptors.h"
#include "wait.h"

int descriptor_poll(int fd, uint32_t events)
{
    int found = system_look(fd, events);
    if (found == -EBADF)
        return fail(COTHREAD_EBADF, "descriptor %lld is not open", fd);
    return found < 0 ? fail(COTHREAD_ESYSTEM, "looking at descriptor %lld failed with errno %lld", fd, -found) : found;
}

int descriptor_wait(struct scheduler *s, int fd, uint32_t events, int64_t deadline)
{
    int rc;
    if ((rc = descriptor_poll(fd, events)) != 0) {
        if (rc > 0)
            wait_satisfied(s, deadline);
        return rc;
    }
    if ((rc = wait_refused(s, deadline)) != 0)
        return rc;
    struct wait *w = wait_of_caller(s);
    wait_begin_fd(s, w->task, fd, events, deadline);
    rc = wait_suspend(s, deadline);
    events = w->events;
    w->events = 0;
    return rc ? rc : (int)events;
}

int descriptor_wake(struct scheduler *s, int fd)
{
    return (int)switch_call(s, CALL_WAKE_FD, fd, 0);
}
