/* errors.c - what failed last on this thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"

#include <errno.h>

#include <stdio.h>

static _Thread_local struct {
    const char *sentence; /* NULL: `text` is complete */
    long long a, b;
    char text[384];
} last __attribute__((tls_model("initial-exec")));

int record_failure(int code, const char *sentence, long long a, long long b)
{
    last.sentence = sentence;
    last.a = a;
    last.b = b;
    return code;
}

int fail_text(int code, const char *text)
{
    last.sentence = NULL;
    snprintf(last.text, sizeof last.text, "%s", text);
    return code;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* every caller of fail passes a literal */
const char *native_last_error(void)
{
    if (last.sentence) {
        int saved = errno;
        snprintf(last.text, sizeof last.text, last.sentence, last.a, last.b);
        last.sentence = NULL;
        errno = saved;
    }
    return last.text;
}
#pragma GCC diagnostic pop

const char *native_strerror(int code)
{
    static const char *const text[] = {
        "COTHREAD_OK: success",
        "COTHREAD_EINVAL: an argument is out of its range",
        "COTHREAD_EHANDLE: not the handle of a living object of the right kind",
        "COTHREAD_ETHREAD: called from a thread that may not",
        "COTHREAD_ENOSCHEDULER: this thread has no scheduler",
        "COTHREAD_EEXIST: exists already",
        "COTHREAD_EBUSY: in use, or called from inside a task, a callback or a tick",
        "COTHREAD_EHOSTED: not on this kind of scheduler's own stack",
        "COTHREAD_EDEAD: the scheduler is being destroyed or is gone",
        "COTHREAD_EFORKED: in a forked child",
        "COTHREAD_ETIMEDOUT: the deadline passed",
        "COTHREAD_ECANCELED: the task was cancelled",
        "COTHREAD_EINTR: interrupted",
        "COTHREAD_ECLOSED: closed",
        "COTHREAD_EFULL: the queue is full",
        "COTHREAD_EDEADLK: would wait for itself",
        "COTHREAD_EOWNER: the caller does not hold the mutex",
        "COTHREAD_ENOMEM: out of memory",
        "COTHREAD_ELIMIT: a limit of the system or the library is reached",
        "COTHREAD_EBADF: the descriptor is not open",
        "COTHREAD_ESYSTEM: a system call failed",
        "COTHREAD_EBROKEN: an internal fault stopped the scheduler",
    };
    if (code > 0 || code < COTHREAD_EBROKEN)
        return "unknown error code";
    return text[-code];
}
