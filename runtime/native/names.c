/* names.c - the addresses of a host's name: a job in a pool of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <stdio.h>

#include "../../system/blocking.h"
#include "jobs.h"

static int not_resolved(int code, const char *name, const char *service, int error)
{
    char text[320];
    snprintf(text, sizeof text, "name \"%.128s\", service \"%.64s\": %s", name ? name : "", service ? service : "", system_resolve_text(code));
    if (error == EMFILE || error == ENFILE) { /* it could not look into a file, and takes that for a name which is not there */
        errno = error;
        return fail_text(COTHREAD_ELIMIT, text);
    }
    switch (system_resolve_error(code)) {
    case RESOLVE_LATER:
        errno = EAGAIN;
        return fail_text(COTHREAD_ESYSTEM, text);
    case RESOLVE_SYSTEM:
        errno = error;
        return fail_text(error == ENOMEM ? COTHREAD_ENOMEM : COTHREAD_ESYSTEM, text);
    case RESOLVE_INVALID: return fail_text(COTHREAD_EINVAL, text);
    case RESOLVE_NO_MEMORY: return fail_text(COTHREAD_ENOMEM, text);
    default: return fail_text(COTHREAD_ENAME, text);
    }
}

int name_resolve(struct scheduler *s, const char *name, const char *service, const cothread_hints *hints,
                 cothread_address *addresses, size_t count, int64_t deadline)
{
    size_t name_size = name ? strlen(name) + 1 : 0, service_size = service ? strlen(service) + 1 : 0;
    const cothread_argument arguments[] = {
        {name ? COTHREAD_TYPE_IN : COTHREAD_TYPE_POINTER, (uint32_t)name_size, {.pointer = (void *)(uintptr_t)name}},
        {service ? COTHREAD_TYPE_IN : COTHREAD_TYPE_POINTER, (uint32_t)service_size, {.pointer = (void *)(uintptr_t)service}},
        {COTHREAD_TYPE_IN, sizeof *hints, {.pointer = (void *)(uintptr_t)hints}},
        {COTHREAD_TYPE_OUT, (uint32_t)(count * sizeof *addresses), {.pointer = addresses}},
        {COTHREAD_TYPE_LONG, 0, {.integer = (int64_t)count}},
    };
    cothread_job job = {.flags = COTHREAD_OWNS_MEMORY, .function = (cothread_job_function)system_resolve, .arguments = arguments,
                        .count = sizeof arguments / sizeof *arguments, .type = COTHREAD_TYPE_INT};
    int rc = job_offload(s, 0, OWN_POOL_NAMES, &job, deadline);
    if (rc < 0)
        return rc;
    int found = (int)job.result.integer;
    return found < 0 ? not_resolved(found, name, service, job.error) : found;
}
