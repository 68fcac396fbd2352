/* errors.h - what failed last on this thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_ERRORS_H
#define NATIVE_ERRORS_H

#include "../../cothread.h"

/* fail(code, sentence, a, b) records why the calling thread's call fails and returns `code`. The
 * sentence is put together only when cothread_last_error asks for it: timeouts and full queues are
 * everyday answers. It is a literal with at most two %lld, for the integers a and b. */
#define fail(...) FAIL_WITH(__VA_ARGS__, 0, 0, 0)
#define FAIL_WITH(code, sentence, a, b, ...) record_failure(code, sentence, (long long)(a), (long long)(b))
int record_failure(int code, const char *sentence, long long a, long long b) __attribute__((cold));
/* fail_text is for sentences that must be written out at once, such as lists of names. It may
 * allocate: nothing that a signal handler may call may fail by it. */
int fail_text(int code, const char *text) __attribute__((cold));
const char *native_last_error(void);
const char *native_strerror(int code);

#endif
