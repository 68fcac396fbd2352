/* tick.h - one tick: callbacks, then what is due, then all that is ready.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef NATIVE_TICK_H
#define NATIVE_TICK_H

#include "state.h"

/* tick_run runs ready tasks until none is left or shared.stop says otherwise; with `begin`, it first lets the tick's callbacks
 * run and makes ready what is due. tick_deliver makes that ready at once: there is more than shared.due holds. */
void tick_run(struct scheduler *s, bool begin);
void tick_deliver(struct scheduler *s);

#endif
