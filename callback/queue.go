// SPDX-License-Identifier: Apache-2.0

// Package callback is the bounded queue through which other threads and signal handlers hand callbacks to a
// scheduler. Producers and pop are C (queue.h has the layout and why it is right), because neither may enter
// Go. This is the scheduler's view of the same memory: how much is pending, and whether it may sleep.
package callback

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -fvisibility=hidden -I${SRCDIR}/..
#include "../system/system.h"
#include "queue.h"

enum {
	queue_size = sizeof(struct queue),
	queue_cells = offsetof(struct queue, cells),
	queue_bound = offsetof(struct queue, bound),
	queue_tail = offsetof(struct queue, tail),
	queue_head = offsetof(struct queue, head),
	cell_size = sizeof(struct queue_cell),
	cell_sequence = offsetof(struct queue_cell, sequence),
};
*/
import "C"

import (
	"sync/atomic"
	"unsafe"

	_ "cothread/system" // whose C the queue calls
)

// Queue is a struct queue in C memory. All methods are for the scheduler's thread, Pending for any.
type Queue struct {
	cells unsafe.Pointer
	_     [8]byte
	bound atomic.Uint64
	_     [line - 24]byte
	tail  atomic.Uint64
	_     [2*line - 8]byte
	head  atomic.Uint64
	_     [5*line - 8]byte
}

type cell struct {
	sequence atomic.Uint64
	_        [24]byte
}

const line = 64

const (
	sleeping = C.QUEUE_SLEEPING
	tickets  = C.QUEUE_TICKET
)

// The layout is C's, or this does not compile: an index other than 0 is out of range.
var (
	_ = [1]struct{}{}[unsafe.Sizeof(Queue{})-C.queue_size]
	_ = [1]struct{}{}[unsafe.Offsetof(Queue{}.cells)-C.queue_cells]
	_ = [1]struct{}{}[unsafe.Offsetof(Queue{}.bound)-C.queue_bound]
	_ = [1]struct{}{}[unsafe.Offsetof(Queue{}.tail)-C.queue_tail]
	_ = [1]struct{}{}[unsafe.Offsetof(Queue{}.head)-C.queue_head]
	_ = [1]struct{}{}[unsafe.Sizeof(cell{})-C.cell_size]
	_ = [1]struct{}{}[unsafe.Offsetof(cell{}.sequence)-C.cell_sequence]
)

// At returns the view of the struct queue at that address.
func At(memory unsafe.Pointer) *Queue { return (*Queue)(memory) }

// Pending returns how many callbacks were accepted and not popped.
func (q *Queue) Pending() uint64 {
	head := q.head.Load() // before tail, so that tail is not behind it
	if tail := q.tail.Load() & tickets; tail > head {
		return tail - head
	}
	return 0
}

// PrepareSleep announces that the scheduler is about to sleep, and reports whether it may: true if nothing is
// pending; from now on the next post, or queue_wake, wakes it. Look at whatever
// else could end the sleep after this, and call Awake afterwards in any case.
//
// The case between, a ticket taken and not published, lasts some nanoseconds, unless its producer lost the
// processor, perhaps to this very thread: then this sleeps for a moment instead of letting ticks spin.
func (q *Queue) PrepareSleep() bool {
	head := q.head.Load()
	// The first look spares producers a wake that a scheduler with callbacks pending has no use for.
	if q.tail.Load()&tickets == head && q.tail.Or(sleeping)&tickets == head {
		return true
	}
	if !q.published(head) {
		C.system_let_others_run()
	}
	return false
}

// Awake ends what PrepareSleep began: posts wake nobody.
func (q *Queue) Awake() {
	if q.tail.Load()&sleeping != 0 {
		q.tail.And(^uint64(sleeping))
	}
}

func (q *Queue) published(ticket uint64) bool {
	index := ticket & (q.bound.Load() - 1)
	c := (*cell)(unsafe.Add(q.cells, uintptr(index)*unsafe.Sizeof(cell{})))
	return c.sequence.Load() > 4*ticket
}
