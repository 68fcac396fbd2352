/* descriptors.c - waiting for descriptors that the caller owns, by number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "descriptors.h"

#include "../../system/descriptors.h"
#include "../../system/system.h"
#include "wait.h"

/* ---- The tasks ahead ------------------------------------------------------------------------- */

#define DIRECTIONS (COTHREAD_READABLE | COTHREAD_WRITABLE | COTHREAD_PRIORITY)

/* reserve makes the counts of a descriptor. A host may ask for any number: only one that is open is
 * worth the memory. */
static int reserve(struct scheduler *s, int fd)
{
    uint32_t chunk = (uint32_t)fd >> AHEAD_BITS;
    int rc = descriptor_poll(fd, 0);
    if (rc < 0)
        return rc;
    if (chunk >= s->ahead_chunks) {
        void *grown = system_resize(s->ahead, (chunk + 1) * sizeof *s->ahead);
        if (!grown)
            return fail(COTHREAD_ENOMEM, "no memory to wait for descriptor %lld", fd);
        s->ahead = grown;
        memset(s->ahead + s->ahead_chunks, 0, (chunk + 1 - s->ahead_chunks) * sizeof *s->ahead);
        s->ahead_chunks = chunk + 1;
    }
    s->ahead[chunk] = system_allocate(1 << AHEAD_BITS, sizeof **s->ahead);
    return s->ahead[chunk] ? 0 : fail(COTHREAD_ENOMEM, "no memory to wait for descriptor %lld", fd);
}

void descriptors_close(struct scheduler *s)
{
    for (uint32_t i = 0; i < s->ahead_chunks; i++)
        system_free(s->ahead[i]);
    system_free(s->ahead);
    s->ahead = NULL;
    s->ahead_chunks = 0;
}

static void count_ahead(struct scheduler *s, const struct wait *w, uint32_t by)
{
    uint32_t *ahead = descriptor_ahead(s, w->fd);
    ahead[READ_AHEAD] += w->directions & COTHREAD_READABLE ? by : 0;
    ahead[WRITE_AHEAD] += w->directions & COTHREAD_WRITABLE ? by : 0;
    ahead[PRIORITY_AHEAD] += w->directions & COTHREAD_PRIORITY ? by : 0;
}

int descriptor_reserve(struct scheduler *s, int fd)
{
    return descriptor_ahead(s, fd) ? 0 : reserve(s, fd);
}

void descriptor_list(struct scheduler *s, struct wait *w, int fd, uint32_t events)
{
    w->fd = fd;
    w->events = events;
    w->arrival = ++s->arrivals;
    w->directions = (uint8_t)(events & DIRECTIONS);
    count_ahead(s, w, 1);
    wait_arm(s, w);
}

int descriptor_enter(struct scheduler *s, struct task *t, int fd, uint32_t events,
                     int64_t deadline)
{
    int rc = descriptor_reserve(s, fd);
    if (rc < 0)
        return rc;
    wait_enter(s, t, KIND_NONE, NULL, deadline);
    descriptor_list(s, &t->wait, fd, events);
    return 0;
}

void descriptor_leave(struct scheduler *s, struct wait *w)
{
    if (w->directions)
        count_ahead(s, w, -1u);
    w->directions = 0;
    w->events = 0;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

int descriptor_poll(int fd, uint32_t events)
{
    int found = system_poll_now(fd, events);
    if (found == -EBADF)
        return fail(COTHREAD_EBADF, "descriptor %lld is not open", fd);
    return found < 0 ? fail(COTHREAD_ESYSTEM, "looking at descriptor %lld failed with errno %lld", fd, -found) : found;
}

int descriptor_wait(struct scheduler *s, int fd, uint32_t events, int64_t deadline)
{
    int rc;
    if ((rc = descriptor_poll(fd, descriptor_free(s, fd, events))) != 0) {
        if (rc > 0)
            wait_satisfied(s, deadline);
        return rc;
    }
    if ((rc = wait_refused(s, deadline)) != 0)
        return rc;
    struct wait *w = wait_of_caller(s);
    if ((rc = descriptor_enter(s, w->task, fd, events, deadline)) < 0)
        return rc;
    rc = wait_suspend(s, deadline);
    events = w->events;
    descriptor_leave(s, w);
    if (rc == COTHREAD_ESYSTEM)
        errno = (int)events;
    return rc ? rc : (int)events;
}

int descriptor_wake(struct scheduler *s, int fd)
{
    uint32_t *ahead = descriptor_ahead(s, fd);
    if (ahead)
        ahead[WAKES]++;
    return (int)switch_call(s, CALL_WAKE_FD, fd, 0);
}
