/* observed.h - between idle.c and the programs it watches: a line on stdout says "from here on".
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OBSERVED_H
#define OBSERVED_H

#include <stdio.h>

#define OBSERVED_PERIOD_NS 1000000LL /* wake1000: wakes at multiples of this after its start */
#define OBSERVED_LINE "observe me\n"

static inline void observe_me(void) {
    fputs(OBSERVED_LINE, stdout);
    fflush(stdout);
}

#endif
