/* names.h - the addresses of a host's name: a job in a pool of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_NAMES_H
#define NATIVE_NAMES_H

#include "state.h"

int name_resolve(struct scheduler *s, const char *name, const char *service, const cothread_hints *hints,
                 cothread_address *addresses, size_t count, int64_t deadline);

#endif
