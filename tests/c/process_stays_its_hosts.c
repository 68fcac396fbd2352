/* What loading and creating leave as it was: the dispositions of all signals but three (SA_ONSTACK
 * apart), this thread's mask, the limits, and until the first create the number of threads.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "threads.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { SIGNALS = 65, LIMITS = RLIM_NLIMITS };
struct state {
    struct sigaction actions[SIGNALS];
    struct rlimit limits[LIMITS];
    sigset_t mask;
};
static struct state before;

static int is_the_librarys(int number) { /* docs/in-your-process.md says what for */
    return number == SIGSEGV || number == SIGBUS || number == SIGURG;
}

static void look(struct state *now) {
    memset(now, 0, sizeof *now);
    for (int i = 1; i < SIGNALS; i++)
        sigaction(i, NULL, &now->actions[i]); /* it refuses the two of libc's own */
    for (int i = 0; i < LIMITS; i++)
        getrlimit((__rlimit_resource_t)i, &now->limits[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &now->mask);
}

static void handler(int number) {
    (void)number;
}

/* The program's own, and before the initialisers of the libraries it is linked with. */
static void begins(void) {
    struct rlimit descriptors;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    signal(SIGFPE, SIG_IGN);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
    sigaction(SIGHUP, &action, NULL);
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR2, &action, NULL);
    sigset_t some;
    sigemptyset(&some);
    sigaddset(&some, SIGCHLD);
    sigaddset(&some, SIGPROF);
    sigaddset(&some, SIGTERM);
    sigaddset(&some, SIGTRAP);
    sigaddset(&some, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &some, NULL);
    look(&before);
}
__attribute__((section(".preinit_array"), used)) static void (*first)(void) = begins;

static int same_mask(const sigset_t *a, const sigset_t *b) { /* libc leaves the bits beyond the last signal undefined */
    int i = 1;
    while (i < SIGNALS && sigismember(a, i) == sigismember(b, i))
        i++;
    return i == SIGNALS;
}

enum { RESTORER = 0x04000000 }; /* libc sets it in whatever it writes; it says nothing of a signal that has no handler */

static int same_action(const struct sigaction *a, const struct sigaction *b) {
    return a->sa_handler == b->sa_handler && (a->sa_flags | RESTORER) == (b->sa_flags | RESTORER) && same_mask(&a->sa_mask, &b->sa_mask);
}

static void is_as_before(const char *when) {
    struct state now;
    look(&now);
    for (int i = 1; i < SIGNALS; i++)
        if (!is_the_librarys(i) && !same_action(&now.actions[i], &before.actions[i]))
            fail_at(__FILE__, __LINE__, "%s signal %d is handled by %p with flags %x, expected %p with %x", when, i,
                    (void *)now.actions[i].sa_handler, now.actions[i].sa_flags, (void *)before.actions[i].sa_handler,
                    before.actions[i].sa_flags);
    for (int i = 0; i < LIMITS; i++)
        if (memcmp(&now.limits[i], &before.limits[i], sizeof now.limits[i]) != 0)
            fail_at(__FILE__, __LINE__, "%s limit %d is %lld, expected %lld", when, i, (long long)now.limits[i].rlim_cur,
                    (long long)before.limits[i].rlim_cur);
    if (!same_mask(&now.mask, &before.mask))
        fail_at(__FILE__, __LINE__, "%s the thread's mask is another", when);
}

static void *creates(void *unused) {
    handle(cothread_create(NULL));
    expect(nothing_left(), 0);
    return unused;
}

static int add(int a, int b) {
    return a + b;
}

/* Signals, children, threads of pools, sockets whose peers are gone, watches: of all that nothing stays. */
static void uses_everything(void) {
    const char *const words[] = {"true", NULL};
    const cothread_process_limit none[] = {{RLIMIT_NOFILE, 0, 64, 64}, {RLIMIT_CORE, 0, 0, 0}};
    cothread_process_options program = {.size = sizeof program, .flags = COTHREAD_NEW_SESSION, .arguments = words, .directory = "/tmp",
                                        .limits = none, .limit_count = 2};
    cothread_argument arguments[] = {{COTHREAD_TYPE_INT, 0, {.integer = 1}}, {COTHREAD_TYPE_INT, 0, {.integer = 2}}};
    cothread_job job = {.size = sizeof job, .function = (cothread_job_function)add, .arguments = arguments, .count = 2, .type = COTHREAD_TYPE_INT};
    cothread_handle signals[3], writer, child = handle(cothread_process_start(&program));
    cothread_item item = {.kind = COTHREAD_ITEM_PROCESS, .object = child};
    cothread_address address;
    char path[4096], after[4096];
    pid_t session = getsid(0);
    int fds[2], file = open("/proc/self/exe", O_RDONLY);
    expect(getcwd(path, sizeof path) != NULL, 1);
    expect(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0), 1);
    expect(cothread_close(child), 0);
    signals[0] = handle(cothread_signal_open(SIGUSR1, 0));
    signals[1] = handle(cothread_signal_open(SIGUSR2, COTHREAD_FORWARD));
    signals[2] = handle(cothread_signal_open(SIGTERM, 0)); /* it is blocked */
    expect(raise(SIGUSR1), 0);
    expect(raise(SIGTERM), 0);
    for (int i = 0; i < 3; i++)
        expect(cothread_close(signals[i]), 0);
    sigset_t pending;
    sigpending(&pending);
    expect(sigismember(&pending, SIGTERM), 1); /* nobody took it */
    sigemptyset(&pending);
    sigaddset(&pending, SIGTERM);
    expect(sigtimedwait(&pending, NULL, &(struct timespec){0, 0}), SIGTERM);
    expect(cothread_offload(0, &job, COTHREAD_FOREVER), 0);
    expect(job.result.integer, 3);
    expect(cothread_resolve("127.0.0.1", "7", NULL, &address, 1, COTHREAD_FOREVER), 1);
    expect(cothread_close(handle(cothread_watch_open("/", COTHREAD_CHANGE_CREATED, 0))), 0);
    expect(cothread_close(handle(cothread_timer_create(COTHREAD_CLOCK_JUMPS))), 0);
    for (int i = 0; i < 2; i++) { /* SIGPIPE is raised nowhere, and does not stay pending */
        expect(i ? pipe(fds) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        writer = handle(cothread_connection_adopt(fds[1], NULL, 0, NULL));
        close(fds[0]);
        expect(i ? cothread_connection_write(writer, "x", 1, NULL, COTHREAD_NOW)
                 : cothread_connection_sendfile(writer, file, 0, 1, NULL, COTHREAD_NOW), COTHREAD_ESYSTEM);
        expect(errno, EPIPE);
        expect(cothread_close(writer), 0);
    }
    sigpending(&pending);
    expect(sigismember(&pending, SIGPIPE), 0);
    close(file);
    expect(getcwd(after, sizeof after) != NULL && strcmp(path, after) == 0, 1);
    expect(getsid(0), session);
}

int main(void) {
    pthread_t thread;
    int status = 1;
    before.actions[SIGUSR2].sa_flags |= SA_ONSTACK; /* a handler may find a thread inside Go, whose stack is too small for it */
    is_as_before("after loading");
    if (!SANITIZED)
        expect(count_threads(), 1);

    handle(cothread_create(NULL));
    is_as_before("after the first create");
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    is_as_before("after a tick");
    mode_t mask = umask(022);
    umask(mask);
    uses_everything();
    is_as_before("after everything was used");
    expect(umask(mask), mask);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "test $(ulimit -n) = 200", NULL);
        _exit(9);
    }
    expect(waitpid(pid, &status, 0), pid);
    expect(status, 0);

    /* what the host sets later stays too */
    signal(SIGFPE, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, handler);
    signal(SIGHUP, SIG_DFL);
    look(&before);
    expect(pthread_create(&thread, NULL, creates, NULL), 0);
    expect(pthread_join(thread, NULL), 0);
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    is_as_before("after another thread's create");
    expect(nothing_left(), 0);
    is_as_before("after destroy");
    return 0;
}
