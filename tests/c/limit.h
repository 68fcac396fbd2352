/* Takes the process's address space away, and gives it back.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMIT_H
#define LIMIT_H

#include "test.h"
#include <sys/resource.h>

/* Of what is mapped now, and `more` bytes; RLIM_INFINITY: as much as the process may have. */
static inline void limit_address_space(rlim_t more) {
    struct rlimit limit;
    unsigned long pages;
    FILE *file;
    expect(getrlimit(RLIMIT_AS, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    if (more != RLIM_INFINITY) {
        expect((file = fopen("/proc/self/statm", "r")) != NULL && fscanf(file, "%lu", &pages) == 1, 1);
        fclose(file);
        limit.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
    }
    expect(setrlimit(RLIMIT_AS, &limit), 0);
}

#endif
