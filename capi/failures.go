// SPDX-License-Identifier: Apache-2.0

//go:build failures

package main

// #cgo CFLAGS: -DCOTHREAD_FAILURES
// #include <stdint.h>
import "C"

import (
	"syscall"

	"cothread/poll/failures"
)

//export tickFail
func tickFail(n C.uint64_t, err C.int) { failures.Fail(uint64(n), syscall.Errno(err)) }

//export tickCalls
func tickCalls() C.uint64_t { return C.uint64_t(failures.Calls()) }
