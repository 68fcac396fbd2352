//go:build failures

/* failures.c - failures on demand, for the library that tests/failures/walk.c is linked with.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../tests/failures/failures.h"
#include "../system/clock.h"
#include "../system/system.h"
#include "_cgo_export.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void cothread_fail(enum half half, uint64_t n, int error)
{
    half == TASK_HALF ? system_fail(n, error) : tickFail(n, error);
}

EXPORTED void cothread_fail_clock(int64_t wall, int64_t suspended)
{
    system_clock_jump(wall, suspended);
}

EXPORTED int64_t cothread_fail_held(void)
{
    return system_held();
}

EXPORTED uint64_t cothread_fail_calls(enum half half)
{
    return half == TASK_HALF ? system_calls() : tickCalls();
}
