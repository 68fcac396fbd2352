/* idle.c - what waiting costs, seen from another process, because looking from inside would wake it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   idle wake1000 COMMAND...  CPU and context switches per wake of a loop that is woken each millisecond,
 *                                   over 3 s: the command, and after it a bare epoll loop
 *   idle idle5 COMMAND...     context switches of all threads of the command together, in the 5 s that begin
 *                                   1 s after its last event
 *
 * The command prints OBSERVED_LINE when its waking or its idleness begins: "bench wake1000", "bench idle5".
 */
#define _GNU_SOURCE
#define PEER "ours"
#include "measure.h"
#include "observed.h"
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define SETTLE_NS (NS_PER_SECOND / 2) /* the first wakes touch new pages and start threads */
#define WOKEN_FOR_NS (3 * NS_PER_SECOND)
#define QUIET_AFTER_NS (1 * NS_PER_SECOND)
#define QUIET_FOR_NS (5 * NS_PER_SECOND)

/* ---- The bare loop -------------------------------------------------------------------------------- */

static void bare_epoll_loop(void) {
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int64_t next = wall_ns();
    observe_me();
    for (;;) {
        struct epoll_event event;
        struct timespec left = {0, 0};
        int64_t ns;
        next += OBSERVED_PERIOD_NS;
        while ((ns = next - wall_ns()) > 0) {
            left.tv_nsec = ns;
            if (epoll_pwait2(epoll_fd, &event, 1, &left, NULL) < 0 && errno != EINTR)
                give_up_errno("epoll_pwait2");
        }
    }
}

/* ---- The observer --------------------------------------------------------------------------------- */

struct sample {
    int64_t cpu;
    long switches; /* voluntary and involuntary, all threads */
};

/* A command of NULL is the bare loop. */
static pid_t start(char *const *command) {
    int output[2];
    char line[4096];
    ssize_t size, used = 0;
    pid_t child;
    if (pipe(output) < 0)
        give_up_errno("pipe");
    child = fork();
    if (child < 0)
        give_up_errno("fork");
    if (child == 0) {
        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        close(output[1]);
        if (command == NULL)
            bare_epoll_loop();
        execvp(command[0], command);
        give_up_errno(command[0]);
    }
    close(output[1]);
    do {
        size = read(output[0], line + used, sizeof line - 1 - (size_t)used);
        if (size <= 0)
            give_up("the observed program ended before it was ready");
        used += size;
        line[used] = '\0';
    } while (strstr(line, OBSERVED_LINE) == NULL);
    return child; /* the pipe stays open: its end would be a signal to the child */
}

static void stop(pid_t child) {
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static long thread_switches(pid_t process, const char *thread) {
    char path[PATH_MAX], line[256];
    long switches = 0;
    FILE *status;
    snprintf(path, sizeof path, "/proc/%d/task/%s/status", process, thread);
    status = fopen(path, "r");
    if (status == NULL)
        give_up("a thread ended while it was observed");
    while (fgets(line, sizeof line, status) != NULL) {
        long count;
        if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %ld", &count) == 1)
            switches += count;
    }
    fclose(status);
    return switches;
}

static struct sample take_sample(pid_t process) {
    struct sample sample = {0, 0};
    char path[64];
    struct dirent *entry;
    clockid_t clock;
    DIR *threads;
    if (clock_getcpuclockid(process, &clock) != 0)
        give_up("the observed program has ended");
    sample.cpu = clock_ns(clock);
    snprintf(path, sizeof path, "/proc/%d/task", process);
    threads = opendir(path);
    if (threads == NULL)
        give_up("the observed program has ended");
    while ((entry = readdir(threads)) != NULL)
        if (entry->d_name[0] != '.')
            sample.switches += thread_switches(process, entry->d_name);
    closedir(threads);
    return sample;
}

static void pause_ns(int64_t ns) {
    struct timespec time = {ns / NS_PER_SECOND, ns % NS_PER_SECOND};
    while (nanosleep(&time, &time) < 0)
        ;
}

static struct sample observe(char *const *command, int64_t settle, int64_t duration) {
    pid_t child = start(command);
    struct sample before, after;
    pause_ns(settle);
    before = take_sample(child);
    pause_ns(duration);
    after = take_sample(child);
    stop(child);
    return (struct sample){after.cpu - before.cpu, after.switches - before.switches};
}

static void observe_wakes(char *const *command, const char *peer) {
    struct sample sample = observe(command, SETTLE_NS, WOKEN_FOR_NS);
    double wakes = (double)WOKEN_FOR_NS / (double)OBSERVED_PERIOD_NS;
    printf("wake1000_cpu %s %.2f us/wake\n", peer, (double)sample.cpu / 1e3 / wakes);
    printf("wake1000_switches %s %.2f switches/wake\n", peer, (double)sample.switches / wakes);
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "wake1000") == 0) {
        observe_wakes(argv + 2, "ours");
        observe_wakes(NULL, "raw");
    } else if (argc > 2 && strcmp(argv[1], "idle5") == 0) {
        report("idle5_switches", (double)observe(argv + 2, QUIET_AFTER_NS, QUIET_FOR_NS).switches, "switches");
    } else {
        give_up("usage: idle wake1000 | idle5 COMMAND...");
    }
    return 0;
}
