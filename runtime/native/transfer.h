/* transfer.h - what a host reads, writes and accepts in batches.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_TRANSFER_H
#define NATIVE_TRANSFER_H

#include "state.h"

#define ARENA_SIZE (1u << 20) /* bytes of each, input and output */

/* transfer_request takes a request that names an adopted descriptor. */
void transfer_request(struct scheduler *s, const cothread_request *request);

/* transfer_entry is for the wait of a transfer whose turn among the ready host tasks has come, and which was taken out of them: it
 * fills in the next entry of the batch, if there is something to tell. False: there was not. `input` is how much of the arena
 * is used; TRANSFER_NO_ROOM: there is too little left, and the wait is for the next batch. */
enum transfer_answer { TRANSFER_NOTHING, TRANSFER_ENTRY, TRANSFER_NO_ROOM };
enum transfer_answer transfer_entry(struct scheduler *s, struct wait *w, cothread_ready *entry, size_t *input);

void transfers_close(struct scheduler *s);

#endif
