/* each.h - unit tests of the room system/: each case is a function, and runs in a process of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EACH_H
#define EACH_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define expect(got, want)                                                                                       \
    do {                                                                                                        \
        long long got_ = (long long)(got), want_ = (long long)(want);                                           \
        if (got_ != want_) {                                                                                    \
            fprintf(stderr, "%s:%d: %s is %lld, not %s = %lld\n", __FILE__, __LINE__, #got, got_, #want, want_); \
            exit(1);                                                                                            \
        }                                                                                                       \
    } while (0)

/* What a call that has to succeed returns. */
#define must(call)                                                                                       \
    __extension__({                                                                                      \
        long long result_ = (long long)(call);                                                           \
        if (result_ < 0) {                                                                               \
            fprintf(stderr, "%s:%d: %s failed: %s\n", __FILE__, __LINE__, #call, strerror(errno));       \
            exit(1);                                                                                     \
        }                                                                                                \
        (int)result_;                                                                                    \
    })

struct each {
    const char *name;
    void (*run)(void);
};

#define EACH(function) {#function, function}

static int run_each(const struct each *cases, size_t count)
{
    int passed = 0;
    for (size_t i = 0; i < count; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            cases[i].run();
            exit(0);
        }
        int status = 1;
        waitpid(child, &status, 0);
        passed += status == 0;
        if (WIFSIGNALED(status))
            printf("FAIL %s: %s\n", cases[i].name, strsignal(WTERMSIG(status)));
        else if (status != 0)
            printf("FAIL %s\n", cases[i].name);
    }
    printf("%d passed, %d failed\n", passed, (int)count - passed);
    return passed == (int)count ? 0 : 1;
}

#endif
