// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"errors"

	"cothread/poll"
)

// descriptors knows which tasks wait for which descriptor of the caller's. The poller keeps one registration per
// descriptor, for the bits that any of them wants.
//
// A task woken for another reason (deadline, cancel) stays listed until its descriptor is next looked at: its wait's number
// has moved on then. After a deadline that is the next tick, after a cancel, of which nobody tells, whatever comes first.
type descriptors struct {
	poller   poll.Poller
	numbers  []fdWaiters // by descriptor
	timedOut []int32     // descriptors of waits whose deadline passed in this tick
	due      func(w *Wait, reason int32, events uint32)
}

type fdWaiters struct {
	generation uint32 // of the arm, so that a late report of another one is not taken for it
	waiters    []fdWaiter
}

type fdWaiter struct {
	wait   *Wait
	number uint32
	events uint32
}

// Tokens: an adopted descriptor's is its handle, which is positive; an arm's has the top bit set.
const armToken = 1 << 63

func token(fd int32, generation uint32) uint64 {
	return armToken | uint64(generation&0x7fffffff)<<32 | uint64(uint32(fd))
}

func (w *fdWaiter) waits() bool {
	return w.wait.is(w.number)
}

// wait has w's task woken when its descriptor is ready. What cannot be waited for is due at once, with the reason.
func (d *descriptors) wait(w *Wait) {
	if int(w.FD) >= len(d.numbers) {
		// Hosts may ask for any number: only one that is open is worth the memory.
		if err := d.poller.Arm(int(w.FD), token(w.FD, 0), w.Events); err != nil && d.refuse(w, w.Events, err) {
			return
		}
		for int(w.FD) >= len(d.numbers) {
			d.numbers = append(d.numbers, make([]fdWaiters, max(64, len(d.numbers)))...)
		}
	}
	n := &d.numbers[w.FD]
	n.waiters = append(n.waiters, fdWaiter{w, w.Number, w.Events})
	d.arm(w.FD, n)
}

// arm asks for what those who still wait want, if any do.
func (d *descriptors) arm(fd int32, n *fdWaiters) {
	events := n.wanted()
	if events == 0 {
		return
	}
	n.generation++
	err := d.poller.Arm(int(fd), token(fd, n.generation), events)
	if err == nil {
		return
	}
	kept := n.waiters[:0]
	for _, w := range n.waiters {
		if !d.refuse(w.wait, w.events, err) {
			kept = append(kept, w)
		}
	}
	n.waiters = kept
}

// refuse ends a wait that the poller does not take; false: it goes on, for what a file that is always ready never has.
func (d *descriptors) refuse(w *Wait, events uint32, err error) bool {
	if !errors.Is(err, poll.ErrAlwaysReady) {
		d.due(w, reasonOf(err), 0)
		return true
	}
	events &= poll.Readable | poll.Writable
	if events != 0 {
		d.due(w, Woken, events)
	}
	return events != 0
}

// wanted drops those who do not wait any more and returns the bits that the others want.
func (n *fdWaiters) wanted() (events uint32) {
	kept := n.waiters[:0]
	for _, w := range n.waiters {
		if w.waits() {
			kept = append(kept, w)
			events |= w.events
		}
	}
	n.waiters = kept
	return events
}

// forget takes the registration of a descriptor back if nobody waits for it any more.
func (d *descriptors) forget(fd int64) {
	if fd >= 0 && fd < int64(len(d.numbers)) && d.numbers[fd].wanted() == 0 {
		d.poller.Disarm(int(fd))
	}
}

// forgetTimedOut does so for those whose waits timed out. By then their tasks have been woken.
func (d *descriptors) forgetTimedOut() {
	for _, fd := range d.timedOut {
		d.forget(int64(fd))
	}
	d.timedOut = d.timedOut[:0]
}

// report wakes those who wait for one of events, and asks again for the others.
func (d *descriptors) report(t uint64, events uint32) {
	fd := int32(uint32(t))
	if int(fd) >= len(d.numbers) {
		return
	}
	n := &d.numbers[fd]
	if token(fd, n.generation) != t {
		return
	}
	kept := n.waiters[:0]
	for _, w := range n.waiters {
		if got := events & (w.events | poll.Error | poll.Hangup); got == 0 {
			kept = append(kept, w)
		} else if w.waits() {
			d.due(w.wait, Woken, got)
		}
	}
	n.waiters = kept
	d.arm(fd, n)
}

// wake ends every wait on fd, and returns how many.
func (d *descriptors) wake(fd int64) int64 {
	if fd < 0 || fd >= int64(len(d.numbers)) {
		return 0
	}
	n := &d.numbers[fd]
	var woken int64
	for _, w := range n.waiters {
		if w.waits() {
			d.due(w.wait, errClosed, 0)
			woken++
		}
	}
	n.waiters = n.waiters[:0]
	d.poller.Disarm(int(fd))
	return woken
}

// reasonOf translates a poller's error into a code of cothread.h.
func reasonOf(err error) int32 {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, poll.ErrBadDescriptor):
		return errBadDescriptor
	case errors.Is(err, poll.ErrAlwaysReady):
		return errInvalid
	case errors.Is(err, poll.ErrExists):
		return errExists
	case errors.Is(err, poll.ErrLimit):
		return errLimit
	}
	return errSystem
}
