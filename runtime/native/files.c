/* files.c - operations on files: jobs in the scheduler's default pool.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each owns its memory, so that its wait may end early, and the duplicate of a descriptor belongs to it too: while a call goes on
 * that nobody waits for any more, the caller may close his descriptor, and its number may be given to another file. */
#include "files.h"

#include <stdio.h>

#include "../../system/blocking.h"
#include "jobs.h"

static int offload(struct scheduler *s, void (*function)(void), cothread_job_drop drop, uint32_t more_flags,
                   const cothread_argument *arguments, uint32_t count, int64_t deadline, cothread_job *job)
{
    *job = (cothread_job){.flags = COTHREAD_OWNS_MEMORY | more_flags, .function = function, .drop = drop, .arguments = arguments,
                          .count = count, .type = COTHREAD_TYPE_LONG};
    return job_offload(s, 0, OWN_POOL_DEFAULT, job, deadline);
}
#define OFFLOAD(s, function, drop, arguments, deadline, job) \
    offload(s, (cothread_job_function)(function), drop, 0, arguments, sizeof(arguments) / sizeof *(arguments), deadline, job)

#define INTEGER(n) {COTHREAD_TYPE_LONG, 0, {.integer = (int64_t)(n)}}
#define COPY(type, bytes, address) {type, (uint32_t)(bytes), {.pointer = (void *)(uintptr_t)(address)}}

static int refused_code(int error)
{
    switch (error) {
    case EBADF: return COTHREAD_EBADF;
    case EMFILE:
    case ENFILE: return COTHREAD_ELIMIT;
    case ENOMEM: return COTHREAD_ENOMEM;
    default:
        errno = error;
        return COTHREAD_ESYSTEM;
    }
}

/* refused says why a call on a descriptor failed, path_refused why one on a path did. */
static int refused(int fd, int error)
{
    if (error == EBADF)
        return fail(COTHREAD_EBADF, "descriptor %lld is not open, or not for this", fd);
    return fail(refused_code(error), "the system refuses this with descriptor %lld, with errno %lld", fd, error);
}

static int path_refused(const char *path, int error)
{
    char text[320];
    snprintf(text, sizeof text, "the system refuses \"%.256s\" with errno %d", path, error);
    return fail_text(refused_code(error), text);
}

/* ---- By path ---------------------------------------------------------------------------------------------- */

static int64_t open_path(const char *path, int flags, uint32_t mode)
{
    return system_file_open(path, flags, mode);
}

static void close_late(int64_t fd)
{
    if (fd >= 0)
        system_file_close((int)fd);
}

int file_open(struct scheduler *s, const char *path, size_t length, int flags, uint32_t mode, int64_t deadline)
{
    const cothread_argument arguments[] = {COPY(COTHREAD_TYPE_IN, length + 1, path), INTEGER(flags), INTEGER(mode)};
    cothread_job job;
    int rc = OFFLOAD(s, open_path, close_late, arguments, deadline, &job);
    if (rc < 0)
        return rc;
    return job.result.integer < 0 ? path_refused(path, (int)-job.result.integer) : (int)job.result.integer;
}

static int64_t look_up(const char *path, cothread_file_status *status)
{
    return system_file_status(path, status);
}

int file_stat(struct scheduler *s, const char *path, size_t length, cothread_file_status *status, int64_t deadline)
{
    cothread_file_status found;
    const cothread_argument arguments[] = {COPY(COTHREAD_TYPE_IN, length + 1, path), COPY(COTHREAD_TYPE_OUT, sizeof found, &found)};
    cothread_job job;
    int rc = OFFLOAD(s, look_up, NULL, arguments, deadline, &job);
    if (rc < 0)
        return rc;
    if (job.result.integer < 0)
        return path_refused(path, (int)-job.result.integer);
    *status = found;
    return 0;
}

/* ---- By descriptor ------------------------------------------------------------------------------------------ */

static int64_t read_duplicate(int fd, void *buffer, size_t size, int64_t offset)
{
    int64_t n = system_file_read(fd, buffer, size, offset);
    system_file_close(fd);
    return n;
}

static int64_t write_duplicate(int fd, const void *data, size_t size, int64_t offset)
{
    int64_t n = system_file_write(fd, data, size, offset);
    system_file_close(fd);
    return n;
}

static int64_t sync_duplicate(int fd)
{
    int rc = system_file_sync(fd);
    system_file_close(fd);
    return rc;
}

/* on_duplicate makes a call whose first argument is a duplicate of `fd`, which the call closes. */
static int64_t on_duplicate(struct scheduler *s, int fd, void (*function)(void), uint32_t more_flags, cothread_argument *arguments,
                            uint32_t count, int64_t deadline)
{
    cothread_job job;
    int duplicate = system_file_duplicate(fd);
    if (duplicate == -EMFILE)
        return fail(COTHREAD_ELIMIT, "no descriptor is left: the call needs a duplicate of descriptor %lld (errno %lld)", fd, EMFILE);
    if (duplicate < 0)
        return refused(fd, -duplicate);
    arguments[0].value.integer = duplicate;
    int rc = offload(s, function, NULL, more_flags, arguments, count, deadline, &job);
    if (!job.called)
        system_file_close(duplicate);
    if (rc < 0)
        return rc;
    return job.result.integer < 0 ? refused(fd, (int)-job.result.integer) : job.result.integer;
}

int64_t file_read(struct scheduler *s, int fd, void *buffer, size_t size, int64_t offset, int64_t deadline)
{
    cothread_argument arguments[] = {INTEGER(0), COPY(COTHREAD_TYPE_OUT, size, buffer), INTEGER(size), INTEGER(offset)};
    return on_duplicate(s, fd, (cothread_job_function)read_duplicate, JOB_RESULT_IS_SIZE, arguments, 4, deadline);
}

int64_t file_write(struct scheduler *s, int fd, const void *data, size_t size, int64_t offset, int64_t deadline)
{
    cothread_argument arguments[] = {INTEGER(0), COPY(COTHREAD_TYPE_IN, size, data), INTEGER(size), INTEGER(offset)};
    return on_duplicate(s, fd, (cothread_job_function)write_duplicate, 0, arguments, 4, deadline);
}

int file_sync(struct scheduler *s, int fd, int64_t deadline)
{
    cothread_argument arguments[] = {INTEGER(0)};
    return (int)on_duplicate(s, fd, (cothread_job_function)sync_duplicate, 0, arguments, 1, deadline);
}
