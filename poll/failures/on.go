// SPDX-License-Identifier: Apache-2.0

//go:build failures

package failures

import (
	"slices"
	"sync/atomic"
	"syscall"
)

var (
	calls, failing atomic.Uint64
	failure        atomic.Uintptr
)

// Fail makes the n-th call from now (1: the next) fail with err; 0: none.
func Fail(n uint64, err syscall.Errno) {
	failing.Store(0)
	calls.Store(0)
	failure.Store(uintptr(err))
	failing.Store(n)
}

// Calls returns how many there were since: at least n once it has failed.
func Calls() uint64 { return calls.Load() }

// Next is what the next call fails with; 0: it does not.
func Next() syscall.Errno {
	if calls.Add(1) != failing.Load() {
		return 0
	}
	return syscall.Errno(failure.Load())
}

// NextOf is Next for a call whose callers rely on the system to answer nothing else than possible.
func NextOf(possible ...syscall.Errno) syscall.Errno {
	if err := Next(); slices.Contains(possible, err) {
		return err
	}
	return 0
}
