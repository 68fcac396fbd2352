// SPDX-License-Identifier: Apache-2.0

// Package native is the task half: C that switches stacks and settles what tasks have with one another. state.h says how
// it is laid out. This file is how the tick half in Go calls it.
package native

/*
#cgo CFLAGS: -std=gnu11 -O2 -g -fvisibility=hidden
#include "tick.h"

// As a number: cgo looks every pointer up, to see whether Go owns what it points to, and at the
// first wake-up in a while its tables are out of the caches.
static void run(uintptr_t scheduler, bool begin) { tick_run((struct scheduler *)scheduler, begin); }
*/
import "C"

import (
	"unsafe"

	_ "cothread/callback" // whose C the task half calls
	_ "cothread/jobs"     // whose C the task half calls
	"cothread/runtime"
	_ "cothread/system" // whose C the task half calls
)

// Engine is the runtime.Engine over a struct scheduler.
type Engine struct {
	scheduler *C.struct_scheduler
}

// At returns the engine of the struct scheduler at that address.
func At(scheduler unsafe.Pointer) Engine {
	return Engine{(*C.struct_scheduler)(scheduler)}
}

// Shared returns the memory it shares with the tick half.
func (e Engine) Shared() *runtime.Shared {
	return (*runtime.Shared)(unsafe.Pointer(&e.scheduler.shared))
}

// Run is runtime.Engine's.
func (e Engine) Run(begin bool) {
	C.run(C.uintptr_t(uintptr(unsafe.Pointer(e.scheduler))), C.bool(begin))
}

// Trim is runtime.Engine's.
func (e Engine) Trim() bool { return bool(C.stack_trim(&e.scheduler.stacks)) }
