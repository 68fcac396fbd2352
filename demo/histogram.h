/* histogram.h - percentiles of durations in a fixed space: 8 classes for each power of two, so within 13 %.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

struct histogram {
    uint64_t total;
    uint32_t counts[64 * 8];
};

static inline void histogram_add(struct histogram *histogram, int64_t ns) {
    uint64_t value = ns > 8 ? (uint64_t)ns : 8; /* below 8 ns no class is narrow enough, and nobody asks */
    int shift = 60 - __builtin_clzll(value);    /* what is left has 4 bits, the first of them set */
    histogram->counts[shift * 8 + (int)(value >> shift) - 8]++;
    histogram->total++;
}

/* The duration, in us, that `percent` of those added do not exceed; 0 if there are none. */
static inline double histogram_percentile(const struct histogram *histogram, double percent) {
    uint64_t seen = 0;
    for (int class = 0; class < 64 * 8; class++) {
        seen += histogram->counts[class];
        if (seen > 0 && (double)seen >= (double)histogram->total * percent / 100)
            return (double)((uint64_t)(class % 8 + 9) << class / 8) / 1000;
    }
    return 0;
}

static inline void histogram_merge(struct histogram *into, const struct histogram *from) {
    into->total += from->total;
    for (int class = 0; class < 64 * 8; class++)
        into->counts[class] += from->counts[class];
}

#endif
