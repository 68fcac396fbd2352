/* injector.h - a driver that knows nothing of tasks: it calls back from threads of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef INJECTOR_H
#define INJECTOR_H

#include "reading.h"

/* injector_start starts two threads that take readings as fast as they can and hand each to `deliver`. A sensor
 * belongs to one of the threads. Returns 0, or -1 if a thread cannot be had. */
int injector_start(void (*deliver)(const struct reading *reading));

/* injector_stop returns when both threads have ended: how many readings they took. */
uint64_t injector_stop(void);

#endif
