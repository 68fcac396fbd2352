// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package runtime

// Where no file of its own says better: the Go heap, of which the system commits pages as they are
// touched too.

func reserve(size int) ([]byte, error) { return make([]byte, size), nil }

func discard([]byte) {}

func unreserve([]byte) {}
