/* Waiting for a timer, and for nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TIMER_H
#define TIMER_H

#include "test.h"

static int64_t expired_at; /* by the last expiry that a wait told of */

/* How many expiries there were, or an error. */
static inline int expiries(cothread_handle timer, int64_t deadline) {
    cothread_item item = {.kind = COTHREAD_ITEM_TIMER, .object = timer};
    int rc = cothread_wait(&item, sizeof item, 1, deadline, 0);
    if (rc < 0)
        return rc;
    expect(rc, 1);
    expect(item.fired, 1);
    expired_at = (int64_t)item.value;
    return item.result;
}

#endif
