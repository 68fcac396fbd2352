/* closing.h - a connection is closed, so that the peer gets all that was written.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_CLOSING_H
#define NATIVE_CLOSING_H

#include "state.h"

/* closing_end returns how many bytes stay unacknowledged. */
int64_t closing_end(struct scheduler *s, cothread_handle handle, int64_t deadline);

#endif
