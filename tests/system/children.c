/* children.c - programs start as they were asked to, or leave nothing behind; nobody's status is lost
 * or mistaken: see system/children.h.
 * SPDX-License-Identifier: Apache-2.0
 * Built with -DCOTHREAD_FAILURES. The program that is started is this one: see in_child. */
#define _GNU_SOURCE
#include "../../system/children.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>

#include "../../system/system.h"
#include "each.h"

#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}

static char itself[4096];
static struct system_child child;
static struct system_refusal refusal;
static int status;

static int open_descriptors(void)
{
    int open = 0;
    for (int fd = 0; fd < 1024; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static int start(const char *const *arguments, cothread_process_options options)
{
    options.size = sizeof options;
    options.arguments = arguments;
    return system_child_start(&options, &child, &refusal);
}
#define START(arguments, ...) start(arguments, (cothread_process_options){__VA_ARGS__})

static void until_ended(void)
{
    struct pollfd entry = {.fd = child.watch, .events = POLLIN};
    int rc;
    while ((rc = poll(&entry, 1, 60000)) < 0 && errno == EINTR)
        ;
    expect(rc, 1);
    expect(system_child_ended(child.watch), true);
}

/* The status of the child that was started. */
static int its_end(void)
{
    until_ended();
    expect(system_child_status(child.watch, true, &status), 1);
    system_child_forget(child.watch);
    return status;
}

static bool kernel_is_at_least(int major, int minor)
{
    struct utsname name;
    int its_major = 0, its_minor = 0;
    must(uname(&name));
    expect(sscanf(name.release, "%d.%d", &its_major, &its_minor), 2);
    return its_major > major || (its_major == major && its_minor >= minor);
}

static void no_child_is_left(void)
{
    expect(waitpid(-1, NULL, WNOHANG | __WALL), -1);
    expect(errno, ECHILD);
}

/* ---- What a child says of itself --------------------------------------------------------------------- */

static uint64_t mask_of(const char *name)
{
    char line[256];
    uint64_t mask = 1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            mask = strtoull(line + strlen(name), NULL, 16);
    return mask;
}

static bool has(const char *pair) /* "NUMBER=INODE" */
{
    struct stat file;
    int fd;
    unsigned long inode;
    return sscanf(pair, "%d=%lu", &fd, &inode) == 2 && fstat(fd, &file) == 0 && file.st_ino == inode;
}

static int in_child(int count, char **words)
{
    struct rlimit limit;
    const char *asked = words[0];
    if (strcmp(asked, "exits") == 0)
        return atoi(words[1]);
    if (strcmp(asked, "stays") == 0)
        for (;;)
            pause();
    if (strcmp(asked, "signals") == 0)
        return mask_of("SigBlk:") || mask_of("SigIgn:") || mask_of("SigCgt:") || mask_of("SigPnd:");
    if (strcmp(asked, "session") == 0)
        return (getpgrp() == getpid()) + 2 * (getsid(0) == getpid());
    if (strcmp(asked, "limit") == 0)
        return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 70 && limit.rlim_max == 80 ? 0 : 1;
    if (strcmp(asked, "variable") == 0)
        return getenv("HOME") || !getenv("ONLY") || strcmp(getenv("ONLY"), "this") != 0;
    if (strcmp(asked, "directory") == 0) {
        char *here = getcwd(NULL, 0);
        return !here || strcmp(here, words[1]) != 0;
    }
    if (strcmp(asked, "has") == 0) { /* these descriptors and no other */
        for (int i = 1; i < count; i++)
            if (!has(words[i]))
                return i;
        return open_descriptors() == count - 1 ? 0 : 100;
    }
    return 99;
}

/* ---- How it starts ----------------------------------------------------------------------------------- */

static void status_is_that_of_wait(void)
{
    for (int code = 0; code < 256; code += 51) {
        char text[8];
        snprintf(text, sizeof text, "%d", code);
        expect(START(WORDS(itself, "child", "exits", text)), 0);
        its_end();
        expect(WIFEXITED(status), true);
        expect(WEXITSTATUS(status), code);
    }
    expect(START(WORDS(itself, "child", "stays")), 0);
    expect(system_child_status(child.watch, true, &status), 0);
    expect(system_child_signal(child.watch, 0, 1000), -EINVAL);
    expect(system_child_signal(child.watch, 0, SIGKILL), 0);
    its_end();
    expect(WIFSIGNALED(status), true);
    expect(WTERMSIG(status), SIGKILL);
    no_child_is_left();
}

static void handled(int number)
{
    (void)number;
}

static void mask_is_empty_and_dispositions_are_the_defaults(void)
{
    sigset_t all, mask;
    struct sigaction action;
    sigfillset(&all);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGRTMAX, SIG_IGN);
    signal(SIGUSR1, handled);
    signal(SIGUSR2, handled);
    sigprocmask(SIG_SETMASK, &all, &mask);
    raise(SIGUSR2);
    expect(START(WORDS(itself, "child", "signals")), 0);
    expect(its_end(), 0);
    sigprocmask(SIG_SETMASK, &mask, &all);
    expect(sigismember(&all, SIGUSR1), 1);
    sigaction(SIGPIPE, NULL, &action);
    expect(action.sa_handler == SIG_IGN, true);
}

static pid_t parent;
static volatile sig_atomic_t alarms, elsewhere;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
    elsewhere += getpid() != parent;
}

static void handlers_of_the_host_run_in_no_child(void)
{
    const struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    parent = getpid();
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 200 || alarms < 100; i++) {
        expect(START(WORDS(itself, "child", "exits", "3")), 0);
        until_ended();
        expect(system_child_status(child.watch, true, &status), 1);
        expect(WEXITSTATUS(status), 3);
        system_child_forget(child.watch);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    expect(elsewhere, 0);
}

static void errno_is_kept(void)
{
    errno = EDOM;
    expect(START(WORDS(itself, "child", "exits", "0")), 0);
    expect(errno, EDOM);
    expect(its_end(), 0);
}

static void group_and_session_are_its_own(void)
{
    const uint32_t flags[] = {0, COTHREAD_NEW_GROUP, COTHREAD_NEW_SESSION, COTHREAD_NEW_GROUP | COTHREAD_NEW_SESSION};
    const int codes[] = {0, 1, 3, 3};
    for (int i = 0; i < 4; i++) {
        expect(START(WORDS(itself, "child", "session"), .flags = flags[i]), 0);
        its_end();
        expect(WEXITSTATUS(status), codes[i]);
    }
}

static void limits_are_set_in_the_child(void)
{
    const cothread_process_limit one[] = {{RLIMIT_NOFILE, 0, 70, 80}}, other[] = {{RLIMIT_CORE, 0, 0, 0}, {RLIMIT_NOFILE, 0, 90, 80}};
    struct rlimit before, after;
    getrlimit(RLIMIT_NOFILE, &before);
    expect(START(WORDS(itself, "child", "limit"), .limits = one, .limit_count = 1), 0);
    expect(its_end(), 0);
    getrlimit(RLIMIT_NOFILE, &after);
    expect(after.rlim_cur, before.rlim_cur);
    expect(START(WORDS(itself, "child", "limit"), .limits = other, .limit_count = 2), -EINVAL);
    expect(refusal.step, REFUSED_LIMIT);
    expect(refusal.which, 1);
    no_child_is_left();
}

static void environment_is_as_given(void)
{
    expect(START(WORDS(itself, "child", "variable"), .environment = WORDS("ONLY=this")), 0);
    expect(its_end(), 0);
    setenv("ONLY", "this", 1);
    unsetenv("HOME");
    expect(START(WORDS(itself, "child", "variable")), 0);
    expect(its_end(), 0);
}

/* A directory with the programs of the next tests, entered. */
static const char *workshop(void)
{
    static char name[] = "/tmp/cothread-test-XXXXXX";
    must(mkdtemp(name) ? 0 : -1);
    must(chdir(name));
    must(mkdir("first", 0700));
    must(mkdir("second", 0700));
    return name;
}

static void leave_workshop(const char *name)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", name);
    must(chdir("/"));
    expect(system(command), 0);
}

static void write_file(const char *name, const char *text, int mode)
{
    int fd = must(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, mode));
    expect(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void it_starts_in_the_directory(void)
{
    const char *name = workshop();
    char second[64];
    snprintf(second, sizeof second, "%s/second", name);
    must(symlink(itself, "second/program"));
    expect(START(WORDS("./program", "child", "directory", second), .directory = second), 0);
    expect(its_end(), 0);
    expect(START(WORDS(itself, "child", "directory", name)), 0);
    expect(its_end(), 0);
    expect(START(WORDS(itself, "child", "exits", "0"), .directory = "nowhere"), -ENOENT);
    expect(refusal.step, REFUSED_DIRECTORY);
    leave_workshop(name);
}

static void program_is_searched_as_execvp_does(void)
{
    const char *name = workshop();
    char path[256];
    write_file("first/program", "#!/bin/sh\nexit 1\n", 0600); /* not executable: the search goes on */
    write_file("second/program", "#!/bin/sh\nexit 2\n", 0700);
    write_file("program", "#!/bin/sh\nexit 3\n", 0700);
    write_file("first/text", "exit 4\n", 0700);
    snprintf(path, sizeof path, "%s/nowhere:%s/program:%s/first:%s/second", name, name, name, name);
    setenv("PATH", path, 1);
    expect(START(WORDS("program")), 0);
    expect(WEXITSTATUS(its_end()), 2);
    expect(START(WORDS("nothing")), -ENOENT);
    expect(refusal.step, REFUSED_PROGRAM);
    must(unlink("second/program"));
    expect(START(WORDS("program")), -EACCES);
    setenv("PATH", "/nowhere:", 1); /* an empty name is the directory it starts in */
    expect(START(WORDS("program")), 0);
    expect(WEXITSTATUS(its_end()), 3);
    setenv("PATH", "", 1);
    expect(START(WORDS("program")), 0);
    expect(WEXITSTATUS(its_end()), 3);
    unsetenv("PATH");
    expect(START(WORDS("sh", "-c", "exit 5")), 0);
    expect(WEXITSTATUS(its_end()), 5);
    expect(START(WORDS("first/text")), -ENOEXEC);
    expect(START(WORDS("first/program")), -EACCES);
    expect(START(WORDS("program/x")), -ENOTDIR);
    expect(START(WORDS("")), -ENOENT);
    no_child_is_left();
    leave_workshop(name);
}

static int ended_children;

static void on_child(int number)
{
    (void)number;
    ended_children++;
}

static void child_that_loads_no_program_ends_unseen(void)
{
    int open = open_descriptors();
    int64_t held = system_held();
    signal(SIGCHLD, on_child);
    expect(START(WORDS("/nowhere/program")), -ENOENT);
    expect(errno, ENOENT);
    expect(ended_children, 0);
    no_child_is_left();
    expect(open_descriptors(), open);
    expect(system_held(), held);
}

/* Whatever fails, with whatever, it is the error of start, and nothing is left of it. */
static void every_failure_is_that_of_start(void)
{
    const cothread_process_descriptor pairs[] = {{0, 1}, {1, 0}, {2, 2}};
    const cothread_process_limit limits[] = {{RLIMIT_NOFILE, 0, 70, 80}};
    const int errors[] = {EPERM, ENOMEM, EAGAIN, EINTR};
    int open = open_descriptors(), refused;
    int64_t held = system_held();
    for (int i = 0; i < 4; i++) {
        refused = 0;
        for (uint64_t n = 1;; n++) {
            system_fail(n, errors[i]);
            int rc = START(WORDS(itself, "child", "exits", "0"), .flags = COTHREAD_NEW_GROUP, .directory = "/", .descriptors = pairs,
                           .descriptor_count = 3, .limits = limits, .limit_count = 1);
            bool was_its_turn = system_calls() >= n;
            system_fail(0, 0);
            if (!was_its_turn)
                break;
            expect(rc, n == 1 ? -ENOMEM : -errors[i]);
            refused++;
            no_child_is_left();
            expect(open_descriptors(), open);
            expect(system_held(), held);
        }
        expect(its_end(), 0);
        expect(refused, 12);
    }
}

/* ---- Descriptors ------------------------------------------------------------------------------------- */

static char expectations[64][32];
static const char *has_these[70];
static int has_count;

static void expect_in_child(int number, int like)
{
    struct stat file;
    must(fstat(like, &file));
    snprintf(expectations[has_count], sizeof *expectations, "%d=%lu", number, (unsigned long)file.st_ino);
    has_these[3 + has_count] = expectations[has_count];
    has_these[3 + ++has_count] = NULL;
}

static int started_with(const cothread_process_descriptor *pairs, uint32_t count)
{
    has_these[0] = itself;
    has_these[1] = "child";
    has_these[2] = "has";
    return START(has_these, .descriptors = pairs, .descriptor_count = count);
}

static int some_file(void)
{
    return must(open("/tmp", O_TMPFILE | O_RDWR, 0600));
}

static void no_other_descriptor_gets_into_a_child(void)
{
    int stays = some_file(), goes = some_file();
    const cothread_process_descriptor pairs[] = {{7, goes}};
    must(dup2(stays, 100));
    must(dup2(stays, 1000));
    for (int fd = 0; fd < 3; fd++)
        expect_in_child(fd, fd);
    expect_in_child(7, goes);
    expect(started_with(pairs, 1), 0);
    expect(its_end(), 0);
    expect(fcntl(100, F_GETFD), 0);
}

static void descriptor_keeps_its_number_and_becomes_inheritable_in_the_child_only(void)
{
    int fd = some_file();
    const cothread_process_descriptor pairs[] = {{fd, fd}};
    must(fcntl(fd, F_SETFD, FD_CLOEXEC));
    for (int i = 0; i < 3; i++)
        expect_in_child(i, i);
    expect_in_child(fd, fd);
    expect(started_with(pairs, 1), 0);
    expect(its_end(), 0);
    expect(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* Of five descriptors, each arrangement under the same numbers, one of them twice. */
static void descriptors_arrive_in_every_permutation(void)
{
    int files[5], arrangements = 0;
    for (int fd = 0; fd < 5; fd++) {
        int file = some_file();
        must(dup3(file, 40 + fd, O_CLOEXEC));
        close(file);
        files[fd] = 40 + fd;
    }
    for (int code = 0; code < 5 * 5 * 5 * 5 * 5; code++) {
        int digits[5], rest = code, seen = 0;
        for (int i = 0; i < 5; i++, rest /= 5)
            seen |= 1 << (digits[i] = rest % 5);
        if (seen != 31)
            continue;
        cothread_process_descriptor pairs[6];
        has_count = 0;
        for (int fd = 0; fd < 3; fd++)
            expect_in_child(fd, fd);
        for (int i = 0; i < 5; i++) {
            pairs[i] = (cothread_process_descriptor){files[i], files[digits[i]]};
            expect_in_child(files[i], files[digits[i]]);
        }
        pairs[5] = (cothread_process_descriptor){45, files[0]};
        expect_in_child(45, files[0]);
        expect(started_with(pairs, 6), 0);
        expect(its_end(), 0);
        arrangements++;
    }
    expect(arrangements, 120);
}

static void input_and_output_are_exchanged(void)
{
    const cothread_process_descriptor pairs[] = {{0, 1}, {1, 0}};
    must(dup2(some_file(), 0));
    must(dup2(some_file(), 1));
    expect_in_child(0, 1);
    expect_in_child(1, 0);
    expect_in_child(2, 2);
    int expected = 3;
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    expect(open_descriptors(), expected);
    expect(started_with(pairs, 2), 0);
    expect(its_end(), 0);
}

static void descriptor_that_is_not_open_is_named(void)
{
    const cothread_process_descriptor pairs[] = {{0, 0}, {5, 900}}, beyond[] = {{1 << 30, 0}};
    expect(started_with(pairs, 2), -EBADF);
    expect(refusal.step, REFUSED_DESCRIPTOR);
    expect(refusal.which, 1);
    expect(started_with(beyond, 1), -EBADF);
    no_child_is_left();
}

static void offset_and_flags_of_a_descriptor_are_shared(void)
{
    int fd = some_file();
    const cothread_process_descriptor pairs[] = {{1, fd}};
    expect(write(fd, "one ", 4), 4);
    expect(START(WORDS("sh", "-c", "echo two"), .descriptors = pairs, .descriptor_count = 1), 0);
    expect(its_end(), 0);
    expect(lseek(fd, 0, SEEK_CUR), 8);
}

/* ---- How it ends, and who else is told --------------------------------------------------------------- */

/* A kernel before 6.15 does not know the status that somebody else took. */
static void expect_status_that_was_taken(int wanted)
{
    until_ended();
    int rc;
    while ((rc = system_child_status(child.watch, true, &status)) == 0)
        system_let_others_run();
    expect(rc, kernel_is_at_least(6, 15) ? 1 : -ECHILD);
    if (rc == 1)
        expect(status, wanted);
    system_child_forget(child.watch);
}

static void status_that_the_host_took_is_known_or_said_to_be_lost(void)
{
    expect(START(WORDS(itself, "child", "exits", "7")), 0);
    expect(waitpid(-1, NULL, 0), child.pid);
    expect_status_that_was_taken(7 << 8);
    expect(START(WORDS(itself, "child", "exits", "7")), 0);
    expect(waitpid(-1, NULL, 0), child.pid);
    until_ended();
    system_fail(2, ENOTTY); /* as an older kernel */
    expect(system_child_status(child.watch, true, &status), -ECHILD);
}

static void host_that_ignores_sigchld_gets_no_zombie_and_we_the_status(void)
{
    signal(SIGCHLD, SIG_IGN);
    expect(START(WORDS(itself, "child", "exits", "7")), 0);
    expect_status_that_was_taken(7 << 8);
    no_child_is_left();
}

static void children_of_the_host_keep_their_status(void)
{
    pid_t hosts = must(fork());
    if (hosts == 0)
        _exit(9);
    expect(START(WORDS(itself, "child", "exits", "8")), 0);
    its_end();
    expect(WEXITSTATUS(status), 8);
    expect(waitpid(-1, &status, 0), hosts);
    expect(WEXITSTATUS(status), 9);
}

static void child_that_the_host_forked_is_only_looked_at(void)
{
    pid_t hosts = must(fork());
    if (hosts == 0)
        _exit(9);
    expect(system_child_open(hosts, false, &child), 0);
    expect(child.own, true);
    for (int i = 0; i < 2; i++) {
        until_ended();
        expect(system_child_status(child.watch, false, &status), 1);
        expect(WEXITSTATUS(status), 9);
    }
    expect(waitpid(hosts, &status, 0), hosts);
    expect(WEXITSTATUS(status), 9);
    expect(system_child_open(hosts, false, &child), -ESRCH);
    expect(errno, ESRCH);
}

static void stranger_is_no_child(void)
{
    expect(system_child_open(getppid(), false, &child), 0);
    expect(child.own, false);
    expect(system_child_ended(child.watch), false);
    expect(system_child_open(0, false, &child), -EINVAL);
    expect(system_child_open(-1, false, &child), -EINVAL);
}

static void signal_reaches_the_group_also_when_its_leader_has_ended(void)
{
    int ends[2];
    char byte;
    must(pipe(ends));
    const cothread_process_descriptor pairs[] = {{1, ends[1]}};
    expect(START(WORDS("sh", "-c", "sleep 600 & echo x"), .flags = COTHREAD_NEW_GROUP, .descriptors = pairs, .descriptor_count = 1), 0);
    close(ends[1]);
    expect(read(ends[0], &byte, 1), 1);
    until_ended(); /* not waited for: also a kernel that knows the group by its number only finds it */
    system_fail(1, EINVAL);
    expect(system_child_signal(child.watch, child.pid, 0), 0);
    expect(system_child_signal(child.watch, child.pid, SIGKILL), 0);
    expect(read(ends[0], &byte, 1), 1); /* the newline */
    expect(read(ends[0], &byte, 1), 0);
    expect(its_end(), 0);
    expect(START(WORDS(itself, "child", "exits", "0")), 0);
    until_ended();
    expect(system_child_status(child.watch, true, &status), 1);
    expect(system_child_signal(child.watch, 0, 0), -ESRCH);
    expect(system_child_signal(child.watch, INT32_MAX, 0), -ESRCH);
}

static pthread_barrier_t known;
static int32_t thread_number;

static void *announces_itself(void *unused)
{
    thread_number = (int32_t)syscall(SYS_gettid);
    pthread_barrier_wait(&known);
    pthread_barrier_wait(&known);
    return unused;
}

static void end_of_a_thread_is_seen(void)
{
    pthread_t thread;
    pthread_barrier_init(&known, NULL, 2);
    pthread_create(&thread, NULL, announces_itself, NULL);
    pthread_barrier_wait(&known);
    expect(system_child_open(thread_number, true, &child), 0);
    expect(child.own, false);
    expect(system_child_ended(child.watch), false);
    pthread_barrier_wait(&known);
    until_ended();
    pthread_join(thread, NULL);
    expect(system_child_open(thread_number, true, &child), -ESRCH);
    system_fail(1, EINVAL); /* as an older kernel */
    expect(system_child_open((int32_t)syscall(SYS_gettid), true, &child), -EINVAL);
}

int main(int count, char **words)
{
    if (count > 2 && strcmp(words[1], "child") == 0)
        return in_child(count - 2, words + 2);
    must(readlink("/proc/self/exe", itself, sizeof itself - 1));
    const struct each cases[] = {
        EACH(status_is_that_of_wait),
        EACH(mask_is_empty_and_dispositions_are_the_defaults),
        EACH(handlers_of_the_host_run_in_no_child),
        EACH(errno_is_kept),
        EACH(group_and_session_are_its_own),
        EACH(limits_are_set_in_the_child),
        EACH(environment_is_as_given),
        EACH(it_starts_in_the_directory),
        EACH(program_is_searched_as_execvp_does),
        EACH(child_that_loads_no_program_ends_unseen),
        EACH(every_failure_is_that_of_start),
        EACH(no_other_descriptor_gets_into_a_child),
        EACH(descriptor_keeps_its_number_and_becomes_inheritable_in_the_child_only),
        EACH(descriptors_arrive_in_every_permutation),
        EACH(input_and_output_are_exchanged),
        EACH(descriptor_that_is_not_open_is_named),
        EACH(offset_and_flags_of_a_descriptor_are_shared),
        EACH(status_that_the_host_took_is_known_or_said_to_be_lost),
        EACH(host_that_ignores_sigchld_gets_no_zombie_and_we_the_status),
        EACH(children_of_the_host_keep_their_status),
        EACH(child_that_the_host_forked_is_only_looked_at),
        EACH(stranger_is_no_child),
        EACH(signal_reaches_the_group_also_when_its_leader_has_ended),
        EACH(end_of_a_thread_is_seen),
    };
    return run_each(cases, sizeof cases / sizeof *cases);
}
