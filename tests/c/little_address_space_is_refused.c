/* Where little address space is left, create refuses and names the limit, instead of a runtime
 * that ends the process.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sys/resource.h>

static long address_space(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    expect(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

int main(void) {
    struct rlimit limit, former;
    if (SANITIZED)
        return 0; /* the shadow takes more than any limit */
    expect(getrlimit(RLIMIT_AS, &former), 0);
    limit = former;
    for (long megabytes = 100; megabytes <= 1000; megabytes += 100) {
        limit.rlim_cur = (rlim_t)(address_space() + (megabytes << 20));
        expect(setrlimit(RLIMIT_AS, &limit), 0);
        expect(cothread_create(NULL), COTHREAD_ELIMIT);
        expect(strstr(cothread_last_error(), "ulimit -v") != NULL, 1);
    }
    /* What create lets pass is enough for the runtime, if not for every scheduler. */
    limit.rlim_cur = (rlim_t)(address_space() + (1100l << 20));
    expect(setrlimit(RLIMIT_AS, &limit), 0);
    cothread_handle got = cothread_create(NULL);
    if (got < 0)
        expect(got, COTHREAD_ENOMEM);
    expect(setrlimit(RLIMIT_AS, &former), 0);
    if (got < 0)
        handle(cothread_create(NULL));
    return nothing_left();
}
