/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

/* Three threads post, replace, interrupt and look at whatever scheduler they know, most of the time one that is being
 * destroyed or already another's number. What was accepted runs once; the rest gets an error. */
enum { THREADS = 3, LIVES = 300 };
static cothread_handle scheduler, mailbox;
static long run, accepted;
static int over;

static void callback(void *unused) {
    (void)unused;
    run++;
}

static void ignored(void *unused) {
    (void)unused;
}

static void one_of(int result, const char *allowed) { /* the codes, negated, in decimal */
    char code[16];
    if (result >= 0)
        return;
    snprintf(code, sizeof code, " %d ", -result);
    if (!strstr(allowed, code))
        fail_at(__FILE__, __LINE__, "got %d: %s", result, cothread_last_error());
}

static void *stranger(void *unused) {
    cothread_stats stats = {.size = sizeof stats};
    long mine = 0;
    int result;
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        cothread_handle s = __atomic_load_n(&scheduler, __ATOMIC_RELAXED), l = __atomic_load_n(&mailbox, __ATOMIC_RELAXED);
        result = cothread_post(s, callback, NULL, COTHREAD_NOW);
        one_of(result, " 8 14 ");
        mine += result == 0;
        result = cothread_post(s, callback, NULL, cothread_after(COTHREAD_MICROSECOND));
        one_of(result, " 8 10 ");
        mine += result == 0;
        one_of(cothread_mailbox_post(l, NULL, NULL), " 2 8 14 ");
        one_of(cothread_interrupt(s), " 8 ");
        one_of(cothread_statistics(s, &stats), " 8 ");
    }
    __atomic_fetch_add(&accepted, mine, __ATOMIC_RELAXED);
    return unused;
}

int main(void) {
    pthread_t threads[THREADS];
    int i;
    for (i = 0; i < LIVES; i++) {
        cothread_options options = {.size = sizeof options, .callback_bound = 16};
        cothread_handle s = handle(cothread_create(&options));
        __atomic_store_n(&mailbox, handle(cothread_mailbox_create(ignored, 0, 0)), __ATOMIC_RELAXED);
        __atomic_store_n(&scheduler, s, __ATOMIC_RELAXED);
        if (i == 0) {
            int j;
            for (j = 0; j < THREADS; j++)
                expect(pthread_create(&threads[j], NULL, stranger, NULL), 0);
        }
        cothread_sleep_until(cothread_after((int64_t)(i % 7) * 50 * COTHREAD_MICROSECOND)); /* 0 or EINTR */
        cothread_yield();
        if (i % 2)
            expect(cothread_close(mailbox), 0);
        expect(cothread_destroy(s, COTHREAD_FOREVER), 0);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    for (i = 0; i < THREADS; i++)
        expect(pthread_join(threads[i], NULL), 0);
    expect(run, accepted);
    expect(run > 0, 1);
    return 0;
}
