/* SPDX-License-Identifier: Apache-2.0 */
#include "overflow.h"

static __attribute__((noinline)) int overflow(volatile char *above) {
    volatile char frame[512];
    frame[0] = above[0];
    return above[0] ? overflow(frame) + frame[0] : 0;
}

static void *digger(void *unused) {
    volatile char first[1] = {1};
    overflow(first);
    return unused;
}

static int victim(void) {
    cothread_task_options options = {sizeof options, 0, 0, 0, "digger"};
    struct rlimit none = {0, 0};
    expect(setrlimit(RLIMIT_CORE, &none), 0);
    handle(cothread_create(NULL));
    join(handle(cothread_spawn(digger, NULL, &options)));
    return 0;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1)
        return victim();
    overflow_is_named("overflow", SIGSEGV);
    return 0;
}
