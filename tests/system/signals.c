/* signals.c - each open counter gets each delivery, and the program's dispositions come back: see system/signals.h.
 * SPDX-License-Identifier: Apache-2.0
 * Built with -DCOTHREAD_FAILURES. */
#define _GNU_SOURCE
#include "../../system/signals.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "../../cothread.h"
#include "../../system/process.h"
#include "../../system/system.h"
#include "each.h"

static struct system_signal *counter_of(int number, uint32_t flags)
{
    struct system_signal *c;
    must(system_signal_open(&c, number, flags));
    return c;
}

static int sender;

static int taken(struct system_signal *c)
{
    int32_t last = -1;
    int count = (int)system_signal_take(c, &last);
    sender = last;
    return count;
}

static bool readable(struct system_signal *c)
{
    int fds[2], count = system_signal_wakers(c, fds);
    struct pollfd entries[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    return must(poll(entries, (nfds_t)count, 0)) > 0;
}

static struct sigaction disposition(int number)
{
    struct sigaction action;
    must(sigaction(number, NULL, &action));
    return action;
}

static int open_descriptors(void)
{
    int open = 0;
    for (int fd = 0; fd < 1024; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static void block(int number, int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    expect(pthread_sigmask(how, &set, NULL), 0);
}

static void deliveries_are_counted(void)
{
    struct system_signal *c = counter_of(SIGHUP, 0);
    expect(taken(c), 0);
    expect(readable(c), false);
    must(kill(getpid(), SIGHUP));
    must(kill(getpid(), SIGHUP));
    expect(readable(c), true);
    expect(taken(c), 2);
    expect(sender, getpid());
    expect(taken(c), 0);
    system_signal_drain(c);
    expect(readable(c), false);
    must(raise(SIGHUP));
    expect(readable(c), true);
    expect(taken(c), 1);
    system_signal_close(c);
}

static void every_counter_gets_each(void)
{
    enum { COUNTERS = 50 };
    struct system_signal *all[COUNTERS];
    for (int round = 0; round < 3; round++) {
        int open = open_descriptors();
        for (int i = 0; i < COUNTERS; i++) {
            all[i] = counter_of(SIGUSR1, 0);
            must(raise(SIGUSR1));
        }
        for (int i = 0; i < COUNTERS; i++) {
            expect(taken(all[i]), COUNTERS - i);
            system_signal_close(all[i]);
        }
        expect(open_descriptors(), open);
    }
}

static void disposition_comes_back(void)
{
    struct system_signal *first = counter_of(SIGTERM, 0), *second = counter_of(SIGTERM, 0);
    expect(disposition(SIGTERM).sa_handler == SIG_DFL, false);
    system_signal_close(first);
    must(raise(SIGTERM));
    expect(taken(second), 1);
    system_signal_close(second);
    expect(disposition(SIGTERM).sa_handler == SIG_DFL, true);
}

static volatile int called; /* raise is declared as one that calls nothing here */
static struct sigaction under; /* what is_over was installed over */

static void is_called(int number)
{
    (void)number;
    called++;
}

static void is_called_with_more(int number, siginfo_t *info, void *context)
{
    called += 10 * (number == SIGUSR2 && info->si_pid == getpid() && context != NULL);
}

static void is_over(int number, siginfo_t *info, void *context)
{
    called += 100;
    under.sa_sigaction(number, info, context);
}

static void install_over(int number)
{
    struct sigaction action = {.sa_sigaction = is_over, .sa_flags = SA_SIGINFO};
    must(sigaction(number, &action, &under));
}

static void former_handler_is_called_if_asked_for(void)
{
    struct sigaction action = {.sa_sigaction = is_called_with_more, .sa_flags = SA_SIGINFO};
    signal(SIGUSR1, is_called);
    must(sigaction(SIGUSR2, &action, NULL));
    struct system_signal *plain = counter_of(SIGUSR1, 0);
    must(raise(SIGUSR1));
    expect(called, 0);
    struct system_signal *forwards = counter_of(SIGUSR1, COTHREAD_FORWARD), *also = counter_of(SIGUSR1, COTHREAD_FORWARD);
    must(raise(SIGUSR1));
    expect(called, 1);
    system_signal_close(forwards);
    system_signal_close(also);
    must(raise(SIGUSR1));
    expect(called, 1);
    expect(taken(plain), 3);
    system_signal_close(plain);
    must(raise(SIGUSR1));
    expect(called, 2);

    forwards = counter_of(SIGUSR2, COTHREAD_FORWARD);
    must(raise(SIGUSR2));
    expect(called, 12);
    system_signal_close(forwards);

    forwards = counter_of(SIGTERM, COTHREAD_FORWARD); /* SIG_DFL: nothing to call */
    must(raise(SIGTERM));
    expect(taken(forwards), 1);
    system_signal_close(forwards);
}

static void handler_of_meanwhile_stays(void)
{
    struct system_signal *c = counter_of(SIGUSR1, 0);
    signal(SIGUSR1, is_called);
    must(raise(SIGUSR1));
    expect(taken(c), 0);
    system_signal_close(c);
    expect(disposition(SIGUSR1).sa_handler == is_called, true);
    c = counter_of(SIGUSR1, COTHREAD_FORWARD);
    must(raise(SIGUSR1));
    expect(taken(c), 1);
    expect(called, 2);
    system_signal_close(c);
    expect(disposition(SIGUSR1).sa_handler == is_called, true);
}

/* One that calls ours in turn, while a counter is open, while none is, and when one is opened over it. */
static void handler_that_calls_ours_does_not_go_round(void)
{
    signal(SIGUSR1, is_called);
    struct system_signal *c = counter_of(SIGUSR1, COTHREAD_FORWARD);
    install_over(SIGUSR1);
    must(raise(SIGUSR1));
    expect(taken(c), 1);
    expect(called, 101);
    system_signal_close(c);
    must(raise(SIGUSR1));
    expect(called, 202);
    c = counter_of(SIGUSR1, COTHREAD_FORWARD);
    must(raise(SIGUSR1));
    expect(taken(c), 1);
    expect(called, 303);
    system_signal_close(c);
    must(raise(SIGUSR1));
    expect(called, 404);
    must(sigaction(SIGUSR1, &under, NULL)); /* put ours back, with no counter: the program's own is called */
    must(raise(SIGUSR1));
    expect(called, 405);
    c = counter_of(SIGUSR1, 0);
    must(raise(SIGUSR1));
    expect(taken(c), 1);
    expect(called, 405);
    system_signal_close(c);
    expect(disposition(SIGUSR1).sa_handler == is_called, true);
}

static sigjmp_buf out;

static void leaves(int number)
{
    (void)number;
    siglongjmp(out, 1);
}

static void former_handler_may_leave(void)
{
    signal(SIGUSR1, leaves);
    struct system_signal *c = counter_of(SIGUSR1, COTHREAD_FORWARD);
    for (volatile int i = 0; i < 3; i++)
        if (sigsetjmp(out, 1) == 0)
            raise(SIGUSR1);
    expect(taken(c), 3);
    system_signal_close(c); /* waits for no handler that left */
}

static void blocked_signals_are_read(void)
{
    block(SIGUSR1, SIG_BLOCK);
    struct system_signal *first = counter_of(SIGUSR1, 0), *second = counter_of(SIGUSR1, 0);
    must(kill(getpid(), SIGUSR1));
    must(kill(getpid(), SIGUSR1)); /* merged by the kernel */
    expect(readable(first), true);
    expect(readable(second), true);
    expect(taken(second), 1); /* reads it for both */
    expect(sender, getpid());
    expect(readable(first), true);
    expect(taken(first), 1);
    system_signal_drain(first);
    expect(readable(first), false);
    system_signal_close(first);
    block(SIGUSR1, SIG_UNBLOCK);
    must(raise(SIGUSR1)); /* through the handler now */
    expect(taken(second), 1);
    system_signal_close(second);
    expect(disposition(SIGUSR1).sa_handler == SIG_DFL, true);
}

static void many_pending_signals_are_read_in_turns(void)
{
    block(SIGRTMIN, SIG_BLOCK);
    struct system_signal *c = counter_of(SIGRTMIN, 0);
    for (int i = 0; i < 3000; i++)
        must(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}));
    int total = 0, turns = 0;
    for (; readable(c); turns++) {
        system_signal_drain(c);
        total += taken(c);
    }
    expect(total, 3000);
    expect(turns, 3);
    system_signal_close(c);
}

static void *sends_many(void *counted)
{
    for (int i = 0; i < 10000; i++)
        while (sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}) < 0)
            expect(errno, EAGAIN); /* RLIMIT_SIGPENDING */
    atomic_store((atomic_bool *)counted, true);
    return NULL;
}

static void queued_signals_are_counted_one_by_one(void)
{
    static atomic_bool sent;
    struct system_signal *c = counter_of(SIGRTMIN + 1, 0), *other = counter_of(SIGRTMIN + 1, 0);
    pthread_t thread;
    expect(pthread_create(&thread, NULL, sends_many, &sent), 0);
    int total = 0;
    while (!atomic_load(&sent))
        total += taken(c);
    expect(pthread_join(thread, NULL), 0);
    for (int more; (more = taken(c)) != 0;)
        total += more;
    expect(total, 10000);
    expect(taken(other), 10000);
    system_signal_close(c);
    system_signal_close(other);
}

static void *raises(void *stop)
{
    while (!atomic_load((atomic_bool *)stop))
        raise(SIGUSR1);
    return NULL;
}

/* A descriptor that is opened at the number of one that a close gave back stays untouched by handlers. */
static void closed_counter_is_left_alone(void)
{
    static atomic_bool stop;
    pthread_t threads[2];
    struct system_signal *always = counter_of(SIGUSR1, 0);
    for (int i = 0; i < 2; i++)
        expect(pthread_create(&threads[i], NULL, raises, &stop), 0);
    for (int i = 0; i < 3000; i++) {
        int fds[2];
        uint64_t written;
        struct system_signal *c = counter_of(SIGUSR1, 0);
        system_signal_wakers(c, fds);
        system_signal_close(c);
        expect(must(eventfd(0, EFD_NONBLOCK)), fds[0]);
        sched_yield();
        expect(read(fds[0], &written, sizeof written), -1);
        close(fds[0]);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        expect(pthread_join(threads[i], NULL), 0);
    system_signal_close(always);
}

static int status_of(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        expect(errno, EINTR);
    return status;
}

static void forked_child_acts_as_if_it_had_no_counter(void)
{
    expect(process_start(), 0);
    signal(SIGUSR2, is_called);
    struct system_signal *dies = counter_of(SIGTERM, 0), *calls = counter_of(SIGUSR2, 0);
    pid_t child = must(fork());
    if (child == 0) {
        raise(SIGUSR2);
        if (called != 1)
            _exit(1);
        raise(SIGTERM);
        _exit(2);
    }
    expect(status_of(child), SIGTERM);
    expect(taken(dies), 0);
    expect(taken(calls), 0);
    expect(called, 0);
    expect(readable(dies), false);
    system_signal_close(dies);
    system_signal_close(calls);
}

static void children_are_reaped_as_before(void)
{
    signal(SIGCHLD, SIG_IGN);
    struct system_signal *c = counter_of(SIGCHLD, 0);
    pid_t child = must(fork());
    if (child == 0)
        _exit(0);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    expect(errno, ECHILD); /* nobody's zombie */
    expect(taken(c), 1);
    expect(sender, child);
    system_signal_close(c);
    expect(disposition(SIGCHLD).sa_handler == SIG_IGN, true);
}

static void kernel_sends_without_a_process(void)
{
    struct system_signal *c = counter_of(SIGALRM, 0);
    alarm(1);
    while (taken(c) == 0) {
        int fds[2];
        system_signal_wakers(c, fds);
        struct pollfd entry = {.fd = fds[0], .events = POLLIN};
        poll(&entry, 1, 60000);
    }
    expect(sender, 0);
    system_signal_close(c);
}

static void some_signals_are_refused(void)
{
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGURG, SIGPROF, 0, -1, 32, 33, 65, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        expect(system_signal_refused(refused[i]) != NULL, true);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (system_signal_refused(number))
            continue;
        struct system_signal *c = counter_of(number, 0);
        must(raise(number));
        expect(taken(c), 1);
        system_signal_close(c);
    }
}

static void errno_is_kept(void)
{
    struct system_signal *c = counter_of(SIGUSR1, 0);
    errno = 4711;
    raise(SIGUSR1);
    expect(errno, 4711);
    expect(taken(c), 1);
    system_signal_drain(c);
    expect(errno, 4711);
    system_signal_close(c);
}

static void failures_leave_nothing(void)
{
    struct system_signal *c;
    block(SIGUSR2, SIG_BLOCK);
    for (int number = SIGUSR1; number <= SIGUSR2; number += SIGUSR2 - SIGUSR1) {
        int open = open_descriptors(), failed = 0;
        for (uint64_t n = 1;; n++) {
            system_fail(n, EMFILE);
            int rc = system_signal_open(&c, number, COTHREAD_FORWARD);
            system_fail(0, 0);
            if (rc == 0)
                break;
            failed++;
            expect(open_descriptors(), open);
            expect(disposition(number).sa_handler == SIG_DFL, true);
        }
        expect(failed >= 3, true); /* memory, a descriptor, the disposition */
        must(kill(getpid(), number));
        expect(taken(c), 1);
        system_signal_close(c);
        expect(open_descriptors(), open);
    }
}

int main(void)
{
    static const struct each cases[] = {
        EACH(deliveries_are_counted),
        EACH(every_counter_gets_each),
        EACH(disposition_comes_back),
        EACH(former_handler_is_called_if_asked_for),
        EACH(handler_of_meanwhile_stays),
        EACH(handler_that_calls_ours_does_not_go_round),
        EACH(former_handler_may_leave),
        EACH(blocked_signals_are_read),
        EACH(many_pending_signals_are_read_in_turns),
        EACH(queued_signals_are_counted_one_by_one),
        EACH(closed_counter_is_left_alone),
        EACH(forked_child_acts_as_if_it_had_no_counter),
        EACH(children_are_reaped_as_before),
        EACH(kernel_sends_without_a_process),
        EACH(some_signals_are_refused),
        EACH(errno_is_kept),
        EACH(failures_leave_nothing),
    };
    return run_each(cases, sizeof cases / sizeof *cases);
}
