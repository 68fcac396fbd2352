/* The same numbers in every run (xorshift), unless a test takes another `state` to begin with.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

static uint64_t state = 88172645463325252u;

static inline uint64_t below(uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % limit;
}

#endif
