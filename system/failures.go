// SPDX-License-Identifier: Apache-2.0

//go:build failures

package system

// #cgo CFLAGS: -DCOTHREAD_FAILURES
import "C"
