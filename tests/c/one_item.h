/* Waiting for one item, which has no call of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ONE_ITEM_H
#define ONE_ITEM_H

#include "test.h"

static _Thread_local uint64_t item_value; /* of the last one */

/* The item's result, or the error of the wait. */
static inline int wait_item(uint32_t kind, cothread_handle object, void *element, int64_t deadline) {
    cothread_item item;
    int rc;
    memset(&item, 0, sizeof item);
    item.kind = kind;
    item.object = object;
    item.element = element;
    rc = cothread_wait(&item, sizeof item, 1, deadline, 0);
    if (rc < 0)
        return rc;
    expect(rc, 1);
    expect(item.fired, 1);
    item_value = item.value;
    return item.result;
}

static inline int wait_signal(cothread_handle signal, int64_t deadline) {
    return wait_item(COTHREAD_ITEM_SIGNAL, signal, NULL, deadline);
}

#endif
