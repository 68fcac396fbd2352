/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "every_call.h"

/* Random ones, living ones with a bit turned over, and the ends of the range. */
static cothread_handle living[11];

static uint64_t random_word(void) { /* xorshift: the same words in every run */
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int is_living(cothread_handle h) {
    size_t i;
    for (i = 0; i < ROWS(living); i++)
        if (living[i] == h)
            return 1;
    return 0;
}

static void try_it(cothread_handle h) {
    size_t i;
    int64_t got;
    if (is_living(h))
        return;
    for (i = 0; i < ROWS(by_handle_calls) + ROWS(any_thread_calls); i++) {
        const by_handle_call *row =
            i < ROWS(by_handle_calls) ? &by_handle_calls[i] : &any_thread_calls[i - ROWS(by_handle_calls)];
        got = row->call(h);
        /* one that looks like another scheduler's may be answered as such */
        if (got != COTHREAD_EHANDLE && got != COTHREAD_ETHREAD && got != COTHREAD_EDEAD)
            fail_at(__FILE__, __LINE__, "%s(%#llx) gave %lld", row->name, (unsigned long long)h, (long long)got);
    }
}

static void *waits(void *unused) {
    cothread_wait_until(COTHREAD_FOREVER);
    return unused;
}

int main(void) {
    static const cothread_handle ends[] = {0, -1, 1, 2, INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1};
    int i, fds[2];
    unsigned bit, second;
    living[0] = handle(cothread_create(NULL));
    living[1] = spawn(waits, NULL);
    living[2] = handle(cothread_event_create(0));
    living[3] = handle(cothread_channel_create(8, 1, 0));
    living[4] = handle(cothread_mutex_create(0));
    living[5] = handle(cothread_semaphore_create(0, 0));
    living[6] = handle(cothread_group_create(0));
    expect(pipe(fds), 0);
    living[7] = handle(cothread_adopt(fds[0], 0));
    living[8] = handle(cothread_self());
    living[9] = handle(cothread_pool_create(NULL));
    living[10] = handle(cothread_job_start(0, &every_call_job, COTHREAD_NOW));
    for (i = 0; i < (int)ROWS(ends); i++)
        try_it(ends[i]);
    for (i = 0; i < (int)ROWS(living); i++)
        for (bit = 0; bit < 64; bit++)
            for (second = bit; second < 64; second++)
                try_it((cothread_handle)((uint64_t)living[i] ^ (uint64_t)1 << bit ^
                                         (second == bit ? 0 : (uint64_t)1 << second)));
    for (i = 0; i < 20000; i++) {
        try_it((cothread_handle)random_word());
        try_it((cothread_handle)(random_word() >> (random_word() % 64)));
    }
    /* the living ones came to no harm */
    expect(cothread_cancel(living[1]), 0);
    join(living[1]);
    expect(cothread_event_wait(living[2], NULL, COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_semaphore_acquire(living[5], COTHREAD_NOW), COTHREAD_ETIMEDOUT);
    expect(cothread_close(living[7]), 0);
    while (cothread_job_result(living[10], &every_call_job) == COTHREAD_EBUSY)
        expect(cothread_yield(), 0);
    expect(cothread_close(living[10]), 0);
    expect(cothread_close(living[9]), 0);
    return nothing_left();
}
