/* SPDX-License-Identifier: Apache-2.0
 * A function with 60 KB of locals that touches only the lowest of them does not step over the guard. */
#include "overflow.h"

static void *digger(void *unused) {
    volatile char block[65536 + 60 * 1024 - 2048];
    block[0] = 1; /* no -fstack-clash-protection here: nothing above it is touched */
    return block[0] ? unused : NULL;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (SANITIZED)
        return 0; /* they would take the overflow for their own find */
    if (count > 1)
        return overflow_victim(digger);
    overflow_is_named("digger", SIGSEGV);
    return 0;
}
