/* children_linux.c - see children.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A child is made by clone with CLONE_VM and CLONE_VFORK: until it has loaded its program it runs in
 * this process's memory, on a stack of its own, while the thread that made it stands still. So it
 * costs the same however large the process is, and tells of an error by writing it down. It must not
 * touch memory that other threads may be changing (a lock of malloc's is never released there), run a
 * handler of the host's, or let a sanitizer take it for this thread. So it makes system calls and
 * nothing else; all that takes thought is done before, in `struct launch`.
 *
 * It has no exit signal, as loading the program gives it SIGCHLD: one that loads none ends unseen.
 */
#define _GNU_SOURCE
#include "children.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptors.h"
#include "failures.h"
#include "system.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
/* <linux/pidfd.h> of older systems lacks them, and clashes with <fcntl.h>. */
#define WAIT_PIDFD 3
#define WATCH_THREAD O_EXCL
#define SIGNAL_GROUP 4

/* The C library's, under the name that ThreadSanitizer does not intercept: it would take this for a fork. */
int plain_clone(int (*function)(void *), void *stack, int flags, void *argument, int *watch) __asm__("__clone");

/* ---- In the child ------------------------------------------------------------------------------------ */

#define CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

/* Of it 72 to 296 bytes were used (tests/system/children.c, from -O2 to -O0 with AddressSanitizer). The dynamic linker,
 * which takes kilobytes, does not run there: the parent has called syscall before. */
enum { CHILD_STACK = 4096 };

struct move {
    int from, to;
    bool aside; /* `from` is some other move's `to` */
};

struct launch {
    _Alignas(16) char stack[CHILD_STACK];
    const cothread_process_options *options;
    char *const *environment;
    struct move *moves;
    int above;         /* all numbers that the child is to have */
    const char *files; /* to be tried in turn; an empty one ends them */
    struct system_refusal refusal;
    int error;
};

CHILD static bool refused(struct launch *launch, int step, uint32_t which)
{
    launch->refusal.step = step;
    launch->refusal.which = which;
    launch->error = errno;
    return false;
}

/* The signals are blocked since before the child was made, so that no handler runs here. */
CHILD static void reset_dispositions(void)
{
    static const unsigned long by_default[4]; /* struct sigaction as the kernel has it: all zeros on each architecture */
    for (int number = 1; number < _NSIG; number++)
        syscall(SYS_rt_sigaction, number, by_default, NULL, _NSIG / 8);
}

CHILD static bool open_signals(void)
{
    static const unsigned long none = 0;
    return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, _NSIG / 8) == 0;
}

/* A descriptor that would be overwritten before its turn is moved aside first, above all that are wanted. */
CHILD static bool move_descriptors(struct launch *launch)
{
    uint32_t count = launch->options->descriptor_count;
    if (SYSTEM_CALL(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC), -1) < 0)
        return refused(launch, REFUSED_DESCRIPTOR, count);
    for (uint32_t i = 0; i < count; i++) {
        struct move *move = &launch->moves[i];
        if (!move->aside)
            continue;
        move->from = (int)SYSTEM_CALL(syscall(SYS_fcntl, move->from, F_DUPFD_CLOEXEC, launch->above), -1);
        if (move->from < 0) {
            if (errno == EINVAL) /* that number is beyond the limit */
                errno = EMFILE;
            return refused(launch, REFUSED_DESCRIPTOR, i);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct move *move = &launch->moves[i];
        long rc = move->from == move->to ? SYSTEM_CALL(syscall(SYS_fcntl, move->to, F_SETFD, 0), -1)
                                         : SYSTEM_CALL(syscall(SYS_dup3, move->from, move->to, 0), -1);
        if (rc < 0)
            return refused(launch, REFUSED_DESCRIPTOR, i);
    }
    return true;
}

CHILD static bool set_limits(struct launch *launch)
{
    for (uint32_t i = 0; i < launch->options->limit_count; i++) {
        const cothread_process_limit *limit = &launch->options->limits[i];
        const uint64_t both[2] = {limit->soft, limit->hard};
        if (SYSTEM_CALL(syscall(SYS_prlimit64, 0, limit->resource, both, NULL), -1) < 0)
            return refused(launch, REFUSED_LIMIT, i);
    }
    return true;
}

/* A file that is not there, or may not be executed, leaves the search going on: as execvp. */
CHILD static bool run_program(struct launch *launch)
{
    int error = ENOENT;
    for (const char *file = launch->files; *file;) {
        (void)SYSTEM_CALL(syscall(SYS_execve, file, launch->options->arguments, launch->environment), -1);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES && errno != ENODEV && errno != ESTALE && errno != ETIMEDOUT)
            return refused(launch, REFUSED_PROGRAM, 0);
        if (error != EACCES)
            error = errno;
        while (*file++)
            ;
    }
    errno = error;
    return refused(launch, REFUSED_PROGRAM, 0);
}

CHILD static bool enter_session(struct launch *launch)
{
    long rc = 0;
    if (launch->options->flags & COTHREAD_NEW_SESSION)
        rc = SYSTEM_CALL(syscall(SYS_setsid), -1);
    else if (launch->options->flags & COTHREAD_NEW_GROUP)
        rc = SYSTEM_CALL(syscall(SYS_setpgid, 0, 0), -1);
    return rc >= 0 || refused(launch, REFUSED_SESSION, 0);
}

CHILD static bool enter_directory(struct launch *launch)
{
    const char *directory = launch->options->directory;
    return !directory || SYSTEM_CALL(syscall(SYS_chdir, directory), -1) == 0 || refused(launch, REFUSED_DIRECTORY, 0);
}

CHILD static int in_child(void *argument)
{
    struct launch *launch = argument;
    reset_dispositions();
    if (enter_session(launch) && enter_directory(launch) && move_descriptors(launch) && set_limits(launch) && open_signals())
        run_program(launch);
    syscall(SYS_exit_group, 127);
    return 127;
}

/* ---- Before it --------------------------------------------------------------------------------------- */

static const char *search_path(const char *program)
{
    const char *path = strchr(program, '/') ? NULL : getenv("PATH");
    return path || strchr(program, '/') ? path : "/bin:/usr/bin";
}

/* list_files writes the files to be tried for a program's name, and returns how many bytes they take; `files` may be NULL. */
static size_t list_files(const char *program, char *files)
{
    size_t length = strlen(program), size = 0;
    const char *path = search_path(program);
    if (length == 0)
        path = NULL;
    do {
        size_t directory = path ? strcspn(path, ":") : 0;
        if (files && directory > 0) {
            memcpy(files + size, path, directory);
            files[size + directory] = '/';
        }
        size += directory + (directory > 0);
        if (files)
            memcpy(files + size, program, length + 1);
        size += length + 1;
        path = path && path[directory] ? path + directory + 1 : NULL;
    } while (path);
    if (files)
        files[size] = 0;
    return size + 1;
}

static void plan_moves(struct launch *launch)
{
    const cothread_process_options *options = launch->options;
    for (uint32_t i = 0; i < options->descriptor_count; i++) {
        const cothread_process_descriptor *pair = &options->descriptors[i];
        struct move *move = &launch->moves[i];
        *move = (struct move){pair->parent, pair->child, false};
        for (uint32_t j = 0; j < options->descriptor_count; j++)
            move->aside |= j != i && options->descriptors[j].child == pair->parent;
        if (pair->child >= launch->above)
            launch->above = pair->child + 1;
    }
}

static struct launch *prepare(const cothread_process_options *options)
{
    const char *program = options->arguments[0];
    size_t moves = options->descriptor_count * sizeof(struct move), files = list_files(program, NULL);
    struct launch *launch = system_allocate(1, sizeof *launch + moves + files);
    if (!launch)
        return NULL;
    launch->options = options;
    launch->environment = options->environment ? (char *const *)(uintptr_t)options->environment : environ;
    launch->moves = (struct move *)(void *)(launch + 1);
    launch->files = (char *)launch->moves + moves;
    list_files(program, (char *)launch->moves + moves);
    plan_moves(launch);
    return launch;
}

/* ---- The parent -------------------------------------------------------------------------------------- */

static int failed(int error)
{
    errno = error;
    return -error;
}

static int wait_for(int watch, siginfo_t *info, int how)
{
    int rc;
    do {
        memset(info, 0, sizeof *info);
        rc = (int)SYSTEM_CALL(syscall(SYS_waitid, WAIT_PIDFD, watch, info, how | WEXITED | __WALL, NULL), -1);
    } while (rc < 0 && errno == EINTR);
    return rc;
}

int system_child_start(const cothread_process_options *options, struct system_child *child, struct system_refusal *refusal)
{
    static const unsigned long all = ~0ul; /* those of the C library too, which sigprocmask leaves open */
    unsigned long mask;
    int saved = errno;
    refusal->step = REFUSED_START;
    struct launch *launch = prepare(options);
    if (!launch)
        return failed(ENOMEM);
    child->own = true;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, _NSIG / 8);
    child->pid = SYSTEM_CALL(plain_clone(in_child, launch->stack + CHILD_STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD, launch, &child->watch), -1);
    int error = child->pid < 0 ? errno : launch->error;
    if (child->pid >= 0 && error) {
        siginfo_t info;
        *refusal = launch->refusal;
        while (syscall(SYS_waitid, WAIT_PIDFD, child->watch, &info, WEXITED | __WALL, NULL) < 0 && errno == EINTR)
            ;
        system_child_forget(child->watch);
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, _NSIG / 8);
    system_free(launch);
    if (error)
        return failed(error);
    errno = saved;
    return 0;
}

int system_child_open(int32_t pid, bool thread, struct system_child *child)
{
    siginfo_t info;
    int saved = errno;
    child->pid = pid;
    child->watch = (int)SYSTEM_CALL(syscall(SYS_pidfd_open, pid, thread ? WATCH_THREAD : 0), -1);
    if (child->watch < 0)
        return -errno;
    child->own = !thread && wait_for(child->watch, &info, WNOHANG | WNOWAIT) == 0;
    errno = saved;
    return 0;
}

bool system_child_ended(int watch)
{
    return system_poll_now(watch, POLLIN) > 0;
}

/* PIDFD_GET_INFO, with which Linux 6.15 tells how a process ended whose status somebody else took. Before 6.13 it is no
 * request, and before 6.15 it fails once the status is taken. */
struct info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t ids[11];
    int32_t status;
};
#define GET_INFO _IOWR(0xFF, 11, struct info)
#define INFO_STATUS 8u
_Static_assert(sizeof(struct info) == 64, "the first version of the kernel's struct pidfd_info");

static int status_that_was_taken(int watch, int *status)
{
    struct info info = {.mask = INFO_STATUS};
    if (SYSTEM_CALL(syscall(SYS_ioctl, watch, GET_INFO, &info), -1) < 0)
        return failed(ECHILD);
    if (!(info.mask & INFO_STATUS))
        return 0; /* the process is still there: this moment somebody is taking it */
    *status = info.status;
    return 1;
}

int system_child_status(int watch, bool take, int *status)
{
    siginfo_t info;
    int saved = errno, rc = 1;
    if (wait_for(watch, &info, WNOHANG | (take ? 0 : WNOWAIT)) < 0)
        rc = errno == ECHILD ? status_that_was_taken(watch, status) : -errno;
    else if (info.si_pid == 0)
        rc = 0;
    else if (info.si_code == CLD_EXITED)
        *status = (info.si_status & 255) << 8;
    else
        *status = info.si_status | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
    if (rc >= 0)
        errno = saved;
    return rc;
}

/* Before Linux 6.9 only the number names a group, and that only as long as its leader is not waited for. */
int system_child_signal(int watch, int32_t leader, int number)
{
    int saved = errno;
    long rc = SYSTEM_CALL(syscall(SYS_pidfd_send_signal, watch, number, NULL, leader ? SIGNAL_GROUP : 0), -1);
    if (rc < 0 && errno == EINVAL && leader) {
        rc = leader == INT32_MAX ? failed(ESRCH) : SYSTEM_CALL(syscall(SYS_pidfd_send_signal, watch, 0, NULL, 0), -1);
        if (rc == 0)
            rc = SYSTEM_CALL(syscall(SYS_kill, -leader, number), -1);
    }
    if (rc < 0)
        return -errno;
    errno = saved;
    return 0;
}

void system_child_forget(int watch)
{
    int saved = errno;
    syscall(SYS_close, watch);
    errno = saved;
}
