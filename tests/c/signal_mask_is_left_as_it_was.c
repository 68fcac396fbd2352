/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

static void unchanged_but_for_sigurg(const sigset_t *before) {
    sigset_t after;
    int number;
    expect(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    for (number = 1; number < NSIG; number++)
        if (number != SIGURG && sigismember(before, number) != sigismember(&after, number))
            fail_at(__FILE__, __LINE__, "signal %d is %sblocked", number, sigismember(&after, number) ? "" : "un");
    expect(sigismember(&after, SIGURG), 0);
}

static void *task(void *argument) {
    expect(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)), 0);
    return argument;
}

static void *thread(void *everything) {
    sigset_t mask, before;
    int i;
    if (everything)
        sigfillset(&mask);
    else
        sigemptyset(&mask);
    for (i = 0; i < 2; i++) { /* the thread's first scheduler and another one */
        expect(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
        expect(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
        handle(cothread_create(NULL));
        unchanged_but_for_sigurg(&before);
        join(spawn(task, NULL));
        unchanged_but_for_sigurg(&before);
        nothing_left();
        unchanged_but_for_sigurg(&before);
    }
    return NULL;
}

int main(void) {
    int everything = 1;
    pthread_t other;
    expect(pthread_create(&other, NULL, thread, &everything), 0);
    expect(pthread_join(other, NULL), 0);
    expect(pthread_create(&other, NULL, thread, NULL), 0);
    expect(pthread_join(other, NULL), 0);
    thread(&everything);
    return 0;
}
