/* SPDX-License-Identifier: Apache-2.0
 * Go's runtime ends the process when it finds no room for its tables: with any limit, a create is served or refused. */
#include "test.h"

#include <sys/resource.h>
#include <sys/wait.h>

static long address_space(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    expect(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* In a child: its create starts a runtime of its own. */
static int create_with(long megabytes) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = (rlim_t)(address_space() + (megabytes << 20));
        setrlimit(RLIMIT_AS, &limit);
        cothread_handle got = cothread_create(NULL);
        if (got == COTHREAD_ELIMIT)
            expect(strstr(cothread_last_error(), "ulimit -v") != NULL, 1);
        _exit(got > 0 ? 0 : -(int)got);
    }
    expect(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 2)
        fail_at(__FILE__, __LINE__, "with %ld MB of address space create ended the process", megabytes);
    return -WEXITSTATUS(status);
}

int main(void) {
    int rc;
    if (SANITIZED)
        return 0; /* the shadow takes more than any limit */
    for (long megabytes = 100; megabytes <= 1000; megabytes += 100)
        expect(create_with(megabytes), COTHREAD_ELIMIT);
    for (long megabytes = 1020; megabytes <= 1900; megabytes += 40) {
        rc = create_with(megabytes);
        expect(rc == 0 || rc == COTHREAD_ELIMIT || rc == COTHREAD_ENOMEM, 1);
    }
    /* A refused create leaves this process, and its children, free to try again. */
    struct rlimit former, limit;
    expect(getrlimit(RLIMIT_AS, &former), 0);
    limit = former;
    limit.rlim_cur = (rlim_t)(address_space() + (500l << 20));
    expect(setrlimit(RLIMIT_AS, &limit), 0);
    expect(cothread_create(NULL), COTHREAD_ELIMIT);
    expect(setrlimit(RLIMIT_AS, &former), 0);
    expect(create_with(4000), 0);
    handle(cothread_create(NULL));
    return nothing_left();
}
