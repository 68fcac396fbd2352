// SPDX-License-Identifier: Apache-2.0

package main

// #include "../system/process.h"
import "C"

import (
	goruntime "runtime"
	"sync/atomic"

	_ "cothread/system" // whose C starts this runtime
)

// Files are initialised in the order of their names, and main.go's comes first.
func init() {
	C.process_runtime_runs()
}

// threadsKept is how many threads the runtime may keep beside one for each scheduler.
const threadsKept = 16

var ending atomic.Bool

// endThreads gives back the threads that a crowd of schedulers left behind. The runtime keeps each thread that it made,
// but ends that of a goroutine which ends while locked to it. One after the other: all at once they would be run by new
// threads.
func endThreads() {
	if tooManyThreads() && ending.CompareAndSwap(false, true) {
		go endThread()
	}
}

func endThread() {
	goruntime.LockOSThread()
	if tooManyThreads() {
		go endThread()
	} else {
		ending.Store(false)
	}
}

func tooManyThreads() bool {
	mu.Lock()
	defer mu.Unlock()
	return int(C.process_threads()) > living+threadsKept
}
