/* descriptors.h - waiting for descriptors that the caller owns, by number.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_DESCRIPTORS_H
#define NATIVE_DESCRIPTORS_H

#include "state.h"

#define WAITABLE (COTHREAD_READABLE | COTHREAD_PRIORITY | COTHREAD_WRITABLE | COTHREAD_ERROR | COTHREAD_HANGUP | COTHREAD_READHUP)

int descriptor_wait(struct scheduler *s, int fd, uint32_t events, int64_t deadline);
int descriptor_wake(struct scheduler *s, int fd);

/* descriptor_poll returns the bits a descriptor has now, 0, or an error. */
int descriptor_poll(int fd, uint32_t events);

#endif
