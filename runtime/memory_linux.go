// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"golang.org/x/sys/unix"

	"cothread/poll/failures"
)

// reserve returns size bytes of zeros outside the Go heap, which count only once they are touched.
func reserve(size int) ([]byte, error) {
	if err := failures.Next(); err != 0 {
		return nil, err
	}
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
}

// discard gives the memory back whose contents nobody needs.
func discard(memory []byte) { _ = unix.Madvise(memory, unix.MADV_DONTNEED) }

// unreserve ends what reserve began.
func unreserve(memory []byte) { _ = unix.Munmap(memory) }
