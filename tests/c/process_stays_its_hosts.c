/* What loading and creating leave as it was: the dispositions of all signals but three (SA_ONSTACK
 * apart), this thread's mask, the limits, and until the first create the number of threads.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "threads.h"

#include <sys/resource.h>
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
