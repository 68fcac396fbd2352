/* errors.c - what failed last on this thread.
 * SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_SIZE = 384 };

/* Static TLS is scarce: glibc keeps about 1700 bytes of it for all libraries that a process loads
 * later on. So a text has its place on the heap, from the first that is asked for to the thread's
 * end. */
static _Thread_local struct {
    const char *sentence; /* NULL: `text` is complete, or nothing has failed yet */
    long long a, b;
    char *text;
} last __attribute__((tls_model("initial-exec")));
_Static_assert(sizeof last == 32, "static TLS is scarce");

static pthread_key_t at_thread_exit;

static void free_text(void *text)
{
    free(text);
    last.text = NULL; /* another destructor of this thread may still call us */
    last.sentence = NULL;
}

__attribute__((constructor)) static void make_key(void)
{
    pthread_key_create(&at_thread_exit, free_text);
}

static char *room_for_text(void)
{
    if (!last.text) {
        last.text = malloc(TEXT_SIZE);
        if (last.text && pthread_setspecific(at_thread_exit, last.text) != 0) {
            free(last.text);
            last.text = NULL;
        }
    }
    return last.text;
}

int record_failure(int code, const char *sentence, long long a, long long b)
{
    last.sentence = sentence;
    last.a = a;
    last.b = b;
    return code;
}

int fail_text(int code, const char *text)
{
    int saved = errno;
    last.sentence = room_for_text() ? NULL : native_strerror(code);
    if (last.text)
        snprintf(last.text, TEXT_SIZE, "%s", text);
    errno = saved;
    return code;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* every caller of fail passes a literal */
const char *native_last_error(void)
{
    if (last.sentence) {
        int saved = errno;
        if (room_for_text()) {
            snprintf(last.text, TEXT_SIZE, last.sentence, last.a, last.b);
            last.sentence = NULL;
        }
        errno = saved;
    }
    if (last.sentence)
        return last.sentence; /* no memory: without its numbers */
    return last.text ? last.text : "";
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
        "COTHREAD_ENAME: the name does not resolve",
        "COTHREAD_ESTATE: the connection's state does not allow it",
    };
    if (code > 0 || code < COTHREAD_ESTATE)
        return "unknown error code";
    return text[-code];
}
