// SPDX-License-Identifier: Apache-2.0

//go:build !failures

package failures

import "syscall"

// Next is what the next call fails with: nothing, and the compiler leaves the question out.
func Next() syscall.Errno { return 0 }

// NextOf is Next.
func NextOf(...syscall.Errno) syscall.Errno { return 0 }
