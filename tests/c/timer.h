/* Waiting for a timer, and for nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TIMER_H
#define TIMER_H

#include "one_item.h"

static int64_t expired_at; /* by the last expiry that a wait told of */

/* How many expiries there were, or an error. */
static inline int expiries(cothread_handle timer, int64_t deadline) {
    int result = wait_item(COTHREAD_ITEM_TIMER, timer, NULL, deadline);
    if (result >= 0)
        expired_at = (int64_t)item_value;
    return result;
}

#endif
