/* watches_linux.c - see watches.h. A source is an inotify descriptor.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "watches.h"

#include <errno.h>
#include <stddef.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cothread.h"
#include "failures.h"

static const struct {
    uint32_t change, told;
} changes_of[] = {
    {COTHREAD_CHANGE_CREATED, IN_CREATE},
    {COTHREAD_CHANGE_MODIFIED, IN_MODIFY},
    {COTHREAD_CHANGE_WRITTEN, IN_CLOSE_WRITE},
    {COTHREAD_CHANGE_ATTRIBUTES, IN_ATTRIB},
    {COTHREAD_CHANGE_DELETED, IN_DELETE | IN_DELETE_SELF},
    {COTHREAD_CHANGE_MOVED_OUT, IN_MOVED_FROM | IN_MOVE_SELF},
    {COTHREAD_CHANGE_MOVED_IN, IN_MOVED_TO},
    {COTHREAD_CHANGE_DIRECTORY, IN_ISDIR},
    {COTHREAD_CHANGE_GONE, IN_IGNORED},
    {COTHREAD_CHANGE_LOST, IN_Q_OVERFLOW},
};
enum { CHANGES = sizeof changes_of / sizeof *changes_of };

int system_watches_open(void)
{
    int source = SYSTEM_CALL(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), -1);
    return source < 0 ? -errno : source;
}

void system_watches_close(int source)
{
    close(source);
}

int system_watch_add(int source, const char *path, uint32_t changes)
{
    uint32_t mask = IN_MASK_ADD;
    for (int i = 0; i < CHANGES; i++)
        if (changes & changes_of[i].change)
            mask |= changes_of[i].told;
    int number = SYSTEM_CALL(inotify_add_watch(source, path, mask), -1);
    return number < 0 ? -errno : number;
}

void system_watch_remove(int source, int number)
{
    inotify_rm_watch(source, number); /* EINVAL: it is gone */
}

static uint32_t changes_told(uint32_t mask)
{
    uint32_t changes = 0;
    for (int i = 0; i < CHANGES; i++)
        if (mask & changes_of[i].told)
            changes |= changes_of[i].change;
    return changes;
}

/* What comes while it reads makes the descriptor readable anew: so this ends, whoever goes on changing files. */
void system_watches_read(int source, system_report *report, void *context)
{
    union {
        char bytes[2048];
        struct inotify_event aligned;
    } buffer;
    int there = 0, saved = errno;
    ioctl(source, FIONREAD, &there);
    while (there > 0) {
        long n = SYSTEM_WAKE_CALL(syscall(SYS_read, source, &buffer, sizeof buffer));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        there -= (int)n;
        for (long at = 0; at < n;) {
            const struct inotify_event *event = (const void *)(buffer.bytes + at);
            report(context, event->wd, changes_told(event->mask), event->len ? event->name : "");
            at += (long)(sizeof *event + event->len);
        }
    }
    errno = saved;
}
