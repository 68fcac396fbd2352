/* Every signal but those of faults is blocked in a pool's thread, whatever the scheduler's thread has; and it is small or large as
 * the pool's options say.
 * SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

static int64_t blocked(sigset_t *set, int64_t *stack_size) {
    pthread_attr_t attributes;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    *stack_size = (int64_t)size;
    return pthread_sigmask(SIG_SETMASK, NULL, set);
}

int main(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    static const uint32_t sizes[] = {65536, 1 << 20, 8 << 20};
    sigset_t before, after;
    handle(cothread_create(NULL));
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cothread_pool_options options = {.size = sizeof options, .threads = 1, .stack_size = sizes[i]};
        cothread_handle pool = handle(cothread_pool_create(&options));
        sigset_t set;
        int64_t stack_size;
        cothread_job job = JOB(blocked, COTHREAD_TYPE_LONG, OUT(&set, sizeof set), OUT(&stack_size, sizeof stack_size));
        expect(cothread_offload(pool, &job, COTHREAD_FOREVER), 0);
        expect(job.result.integer, 0);
        for (int signal = 1; signal < 65; signal++) {
            int is_fault = signal == SIGKILL || signal == SIGSTOP || signal == 32 || signal == 33; /* cannot be; the C library's */
            for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
                is_fault |= signal == faults[f];
            if (sigismember(&set, signal) == is_fault)
                fail_at(__FILE__, __LINE__, "signal %d is %s", signal, is_fault ? "blocked" : "not blocked");
        }
        expect(stack_size >= sizes[i] && stack_size <= 2 * (int64_t)sizes[i], 1);
        expect(cothread_close(pool), 0);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int signal = 1; signal < 65; signal++)
        expect(sigismember(&after, signal), sigismember(&before, signal));

    cothread_pool_options wrong = {.size = sizeof wrong, .stack_size = 65535};
    expect(cothread_pool_create(&wrong), COTHREAD_EINVAL);
    wrong = (cothread_pool_options){.size = sizeof wrong, .threads = 4097};
    expect(cothread_pool_create(&wrong), COTHREAD_EINVAL);
    wrong = (cothread_pool_options){.size = sizeof wrong, .bound = (1 << 20) + 1};
    expect(cothread_pool_create(&wrong), COTHREAD_EINVAL);
    return nothing_left();
}
