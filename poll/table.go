// SPDX-License-Identifier: Apache-2.0

package poll

import "math"

const pageSize = 256

// table holds one T per descriptor number. The kernel hands out the lowest free number, so pages are dense;
// pages at all because dup2 may give a single descriptor the number 1 000 000.
type table[T any] struct {
	pages []*[pageSize]T
}

// validNumber keeps a number that is no C int from being cut to one that names another descriptor.
func validNumber(fd int) bool { return fd >= 0 && fd <= math.MaxInt32 }

// at returns the entry of fd, or nil if its page was never needed.
func (t *table[T]) at(fd int) *T {
	page := fd / pageSize
	if fd < 0 || page >= len(t.pages) || t.pages[page] == nil {
		return nil
	}
	return &t.pages[page][fd%pageSize]
}

// reserve returns the entry of fd, which is a valid number of an open descriptor.
func (t *table[T]) reserve(fd int) *T {
	page := fd / pageSize
	for page >= len(t.pages) {
		t.pages = append(t.pages, nil)
	}
	if t.pages[page] == nil {
		t.pages[page] = new([pageSize]T)
	}
	return &t.pages[page][fd%pageSize]
}
