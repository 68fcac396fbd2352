/* clock_linux.c - see clock.h. The descriptor is a timer that never expires, but is cancelled by what we want to know.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../cothread.h"
#include "failures.h"
#include "system.h"

#ifndef TFD_TIMER_CANCEL_ON_SET
#define TFD_TIMER_CANCEL_ON_SET 2
#endif

#ifdef COTHREAD_FAILURES
enum { OPEN = 64 };
static _Atomic int64_t wall_ahead, suspended_ahead;
static _Atomic int opened[OPEN]; /* 1 + the descriptor; 0: none */

static void change(int from, int to)
{
    for (int i = 0; i < OPEN; i++) {
        int expected = from;
        if (atomic_compare_exchange_strong(&opened[i], &expected, to))
            return;
    }
}
#define SYSTEM_CLOCK_OPENED(fd) change(0, 1 + (fd))
#define SYSTEM_CLOCK_CLOSED(fd) change(1 + (fd), 0)
#define SYSTEM_CLOCK_AHEAD(clock) ((clock)->wall += wall_ahead, (clock)->suspended += suspended_ahead)

void system_clock_jump(int64_t wall, int64_t suspended)
{
    struct itimerspec now = {.it_value = {0, 1}};
    atomic_fetch_add(&wall_ahead, wall);
    atomic_fetch_add(&suspended_ahead, suspended);
    for (int i = 0; i < OPEN; i++)
        if (opened[i])
            timerfd_settime(opened[i] - 1, 0, &now, NULL);
}
#else
#define SYSTEM_CLOCK_OPENED(fd) ((void)(fd))
#define SYSTEM_CLOCK_CLOSED(fd) ((void)(fd))
#define SYSTEM_CLOCK_AHEAD(clock) ((void)(clock))
#endif

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * COTHREAD_SECOND + now.tv_nsec;
}

/* The clocks are read one after the other, and this thread may lose the processor in between: then they are read again. */
void system_clock_read(struct system_clock *clock)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < 100 && least > SYSTEM_CLOCK_JUMP / 10; i++) {
        int64_t before = system_now(), wall = read_clock(CLOCK_REALTIME), boot = read_clock(CLOCK_BOOTTIME);
        int64_t took = system_now() - before;
        if (took >= least)
            continue;
        least = took;
        *clock = (struct system_clock){wall - before, boot - before};
    }
    SYSTEM_CLOCK_AHEAD(clock);
}

int system_clock_open(void)
{
    struct itimerspec never = {.it_value = {INT64_MAX / COTHREAD_SECOND, 0}};
    int fd = SYSTEM_CALL(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK), -1);
    if (fd < 0)
        return -errno;
    if (SYSTEM_CALL(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL), -1) != 0 && errno != ECANCELED) {
        int error = errno;
        close(fd);
        return -error;
    }
    SYSTEM_CLOCK_OPENED(fd);
    return fd;
}

void system_clock_drain(int fd)
{
    uint64_t expiries;
    int saved = errno;
    while (syscall(SYS_read, fd, &expiries, sizeof expiries) < 0 && errno == EINTR)
        ;
    errno = saved; /* ECANCELED: a jump; EAGAIN: none */
}

void system_clock_close(int fd)
{
    SYSTEM_CLOCK_CLOSED(fd);
    close(fd);
}
