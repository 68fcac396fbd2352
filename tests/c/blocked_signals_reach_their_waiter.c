/* A signal that the host blocks in all its threads reaches its signalfd and its sigwait, as without
 * the library: no thread of the library's takes it, whether the first create made it or a crowd of
 * schedulers later on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "threads.h"

#include <poll.h>
#include <sys/signalfd.h>

static int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGVTALRM, SIGPROF, SIGIO, 0, 0};
enum { SIGNALS = sizeof signals / sizeof *signals, CROWD = 40 };
static int checked = SIGNALS;
static sigset_t blocked;

static void reach_a_signalfd(int number) {
    sigset_t one;
    struct signalfd_siginfo info;
    sigemptyset(&one);
    sigaddset(&one, number);
    int fd = signalfd(-1, &one, SFD_CLOEXEC);
    for (int i = 0; i < 20; i++) {
        struct pollfd poll_one = {fd, POLLIN, 0};
        expect(kill(getpid(), number), 0);
        expect(poll(&poll_one, 1, 60000), 1);
        expect(read(fd, &info, sizeof info), sizeof info);
        expect(info.ssi_signo, number);
    }
    close(fd);
}

static void *sender(void *number) {
    expect(kill(getpid(), (int)(intptr_t)number), 0);
    return NULL;
}

static void reach_sigwait(int number) {
    sigset_t one;
    int got;
    pthread_t thread;
    sigemptyset(&one);
    sigaddset(&one, number);
    expect(pthread_create(&thread, NULL, sender, (void *)(intptr_t)number), 0);
    expect(sigwait(&one, &got), 0);
    expect(got, number);
    expect(pthread_join(thread, NULL), 0);
}

/* Sending finds a thread that is open only if the kernel picks it, so the masks are looked at as
 * well. */
static void blocked_in(int thread) {
    char line[256];
    unsigned long long mask = 0;
    FILE *file = status_of(thread);
    if (!file)
        return; /* it has ended meanwhile */
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "SigBlk: %llx", &mask) == 1)
            break;
    fclose(file);
    for (int i = 0; i < checked; i++)
        if (!(mask >> (signals[i] - 1) & 1))
            fail_at(__FILE__, __LINE__, "thread %d takes signal %d: it blocks %llx", thread, signals[i], mask);
}

static void all_arrive(void) {
    each_thread(blocked_in);
    for (int i = 0; i < checked; i++) {
        reach_a_signalfd(signals[i]);
        reach_sigwait(signals[i]);
    }
}

static pthread_barrier_t all_wait;

static void *crowd(void *unused) {
    cothread_handle scheduler = handle(cothread_create(NULL));
    pthread_barrier_wait(&all_wait);
    for (int i = 0; i < 20; i++)
        expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    pthread_barrier_wait(&all_wait);
    pthread_barrier_wait(&all_wait);
    expect(cothread_destroy(scheduler, COTHREAD_FOREVER), 0);
    return unused;
}

int main(void) {
    pthread_t threads[CROWD];
    signals[SIGNALS - 2] = SIGRTMAX;
    signals[SIGNALS - 1] = SIGRTMIN; /* a libc of another kind needs it, and Go keeps it open for that */
    sigemptyset(&blocked);
    for (int i = 0; i < SIGNALS; i++)
        sigaddset(&blocked, signals[i]);
    expect(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);

    handle(cothread_create(NULL));
    expect(cothread_sleep(COTHREAD_MILLISECOND), 0);
    all_arrive();

    int few = count_threads();
    expect(pthread_barrier_init(&all_wait, NULL, CROWD + 1), 0);
    for (int i = 0; i < CROWD; i++)
        expect(pthread_create(&threads[i], NULL, crowd, NULL), 0);
    pthread_barrier_wait(&all_wait);
    pthread_barrier_wait(&all_wait);
    if (count_threads() - CROWD <= few)
        printf("note: the crowd made the library no thread more than the %d of before\n", few);
    all_arrive();
    pthread_barrier_wait(&all_wait);
    for (int i = 0; i < CROWD; i++)
        expect(pthread_join(threads[i], NULL), 0);
    checked = SIGNALS - 1; /* the crowd's threads are being given back: Go opens SIGRTMIN in one that ends */
    all_arrive();
    return nothing_left();
}
