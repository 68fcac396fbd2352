/* Items, in a line each.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ITEMS_H
#define ITEMS_H

#include "test.h"

#define FD(number, events) ((cothread_item){.kind = COTHREAD_ITEM_FD, .object = (number), .want = (events)})
#define ADOPTED(handle, events) ((cothread_item){.kind = COTHREAD_ITEM_READY, .object = (handle), .want = (events)})
#define TASK(handle) ((cothread_item){.kind = COTHREAD_ITEM_TASK, .object = (handle)})
#define GROUP(handle, ends) ((cothread_item){.kind = COTHREAD_ITEM_GROUP, .object = (handle), .want = (ends)})
#define EVENT(handle) ((cothread_item){.kind = COTHREAD_ITEM_EVENT, .object = (handle)})
#define RECEIVE(handle, place) ((cothread_item){.kind = COTHREAD_ITEM_RECEIVE, .object = (handle), .element = (place)})
#define SEND(handle, place) ((cothread_item){.kind = COTHREAD_ITEM_SEND, .object = (handle), .element = (place)})
#define ACQUIRE(handle) ((cothread_item){.kind = COTHREAD_ITEM_ACQUIRE, .object = (handle)})
#define LOCK(handle) ((cothread_item){.kind = COTHREAD_ITEM_LOCK, .object = (handle)})
#define TIMER(handle) ((cothread_item){.kind = COTHREAD_ITEM_TIMER, .object = (handle)})

#define wait_items(items, count, deadline, flags) cothread_wait(items, sizeof *(items), count, deadline, flags)

#endif
