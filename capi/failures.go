// SPDX-License-Identifier: Apache-2.0

//go:build failures

package main

// #cgo CFLAGS: -DCOTHREAD_FAILURES
// #include <stdint.h>
import "C"

import (
	"syscall"
	"time"

	"cothread/poll/failures"
)

//export tickFail
func tickFail(n C.uint64_t, err C.int) { failures.Fail(uint64(n), syscall.Errno(err)) }

//export tickCalls
func tickCalls() C.uint64_t { return C.uint64_t(failures.Calls()) }

// Go opens the two descriptors of its own poller with its first timer, which may be one of its own at any time: it is one
// of the start's here, so that whoever counts descriptors finds a leak and not these.
func init() { time.AfterFunc(time.Hour, func() {}) }
