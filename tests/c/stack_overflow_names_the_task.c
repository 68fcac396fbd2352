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

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1)
        return overflow_victim(digger);
    overflow_is_named("overflow", SIGSEGV);
    return 0;
}
