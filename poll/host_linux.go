// SPDX-License-Identifier: Apache-2.0

package poll

import (
	"math"

	"golang.org/x/sys/unix"

	"cothread/poll/failures"
)

// Host is the Poller for a loop that is not ours and can only poll lists. It asks the kernel nothing: before
// each of its polls the loop takes List, and after it hands in with Deliver what it found; Wait never blocks
// and passes on what was delivered.
//
// A list knows levels only, so the rest is made of what is listed when:
//   - an arm is listed until its first report.
//   - a source is always listed.
//   - of an edge each bit is listed until it was reported, and again from Drained on: its owner has then
//     seen its level low, and the next high is an edge. Error and Hangup cannot be left out of a poll, so
//     after one of them an edge is not listed at all until Drained.
//
// Any change of the list between List and the end of the loop's poll makes the eventfd, the list's first
// entry, readable, so that the loop asks again and cannot sleep on an old list.
type Host struct {
	wake     int
	counter  [8]byte // the eventfd's, on its way out
	deadline int64   // of SetTimer

	interests  table[interest]
	registered int
	delivered  []int32 // whose found is not 0, in the order of delivery; some were dropped since
	next       int     // delivered[:next] was passed on

	listed bool // the loop holds a list that is true and may be polling it
}

type interest struct {
	token  uint64
	wanted uint32 // to be listed
	found  uint32 // delivered, not passed on
	state  state  // unknown, edge or armed
	source bool   // an edge that stays listed
}

var _ Lister = (*Host)(nil)

// NewHost opens one descriptor, the eventfd, close-on-exec.
func NewHost() (*Host, error) {
	wake, err := newWaker()
	if err != nil {
		return nil, limitOf(err)
	}
	return &Host{wake: wake, deadline: math.MaxInt64}, nil
}

// List is Lister's.
func (h *Host) List(out []HostInterest) int {
	n := 0
	add := func(fd int, events uint32) {
		if n < len(out) {
			out[n] = HostInterest{FD: int32(fd), Events: uint16(events)}
		}
		n++
	}
	add(h.wake, Readable)
	for i, page := range h.interests.pages {
		if page == nil {
			continue
		}
		for j := range page {
			if page[j].wanted != 0 {
				add(i*pageSize+j, page[j].wanted&requestable) // the others are reported unasked
			}
		}
	}
	h.listed = true
	return n
}

// Deliver is Lister's.
func (h *Host) Deliver(fd int, revents uint32) {
	h.listed = false
	if fd == h.wake {
		_, _ = unix.Read(h.wake, h.counter[:]) // EAGAIN: drained already
		return
	}
	e := h.interests.at(fd)
	if e == nil || e.wanted == 0 {
		return
	}
	if revents&unix.POLLNVAL != 0 {
		revents |= Error // fd was closed while somebody waits; trying again tells them
	}
	found := revents & (e.wanted | always)
	if found == 0 {
		return
	}
	if e.found == 0 {
		h.delivered = append(h.delivered, int32(fd))
	}
	e.found |= found
	if e.state == armed || found&always != 0 {
		e.wanted = 0
	} else if !e.source {
		e.wanted &^= found
	}
}

// Poll is Lister's.
func (h *Host) Poll(timeout int64) {
	list := make([]HostInterest, 1+h.registered)
	list = list[:h.List(list)]
	found := make([]unix.PollFd, len(list))
	for i, entry := range list {
		found[i] = unix.PollFd{Fd: entry.FD, Events: int16(entry.Events)}
	}
	var most *unix.Timespec
	if timeout >= 0 {
		ns := unix.NsecToTimespec(timeout)
		most = &ns
	}
	if n, err := unix.Ppoll(found, most, nil); err != nil || n == 0 {
		return // EINTR: the caller looks at its clock
	}
	for _, entry := range found {
		if entry.Revents != 0 {
			h.Deliver(int(entry.Fd), uint32(uint16(entry.Revents)))
		}
	}
}

// changed makes the loop ask again if it may be polling an old list, or for longer than it should. Deliver
// and Wait show that its poll is over and that it will ask anyway. (Of a poll that found nothing only Wait
// shows that; a change before it costs one poll that returns at once.)
func (h *Host) changed() {
	if !h.listed {
		return
	}
	h.listed = false
	h.Wake()
}

// check does what the kernel does when a descriptor enters an epoll set.
func check(fd int) error {
	if !validNumber(fd) {
		return ErrBadDescriptor
	}
	if err := failures.Next(); err != 0 {
		return classify(err)
	}
	var status unix.Stat_t
	if err := unix.Fstat(fd, &status); err != nil {
		return classify(err)
	}
	if kind := status.Mode & unix.S_IFMT; kind == unix.S_IFREG || kind == unix.S_IFDIR {
		return ErrAlwaysReady
	}
	return nil
}

func (h *Host) stateOf(fd int) state {
	if e := h.interests.at(fd); e != nil {
		return e.state
	}
	return unknown
}

// AddEdge is Poller's. A number that was closed without RemoveEdge and reused is ErrExists too.
func (h *Host) AddEdge(fd int, token uint64) error {
	return h.add(fd, interest{token: token, wanted: requestable, state: edge})
}

// AddSource is Poller's.
func (h *Host) AddSource(fd int, token uint64) error {
	return h.add(fd, interest{token: token, wanted: Readable, state: edge, source: true})
}

func (h *Host) add(fd int, added interest) error {
	if err := check(fd); err != nil {
		return err
	}
	if h.stateOf(fd) != unknown {
		return ErrExists
	}
	*h.interests.reserve(fd) = added
	h.registered++
	h.changed()
	return nil
}

// RemoveEdge is Poller's. unix.ENOENT: fd is not registered by AddEdge.
func (h *Host) RemoveEdge(fd int) error {
	if h.stateOf(fd) != edge {
		return unix.ENOENT
	}
	h.forget(fd)
	return nil
}

// Drained is Poller's.
func (h *Host) Drained(fd int, events uint32) {
	e := h.interests.at(fd)
	if e == nil || e.state != edge || e.wanted|events&requestable == e.wanted {
		return
	}
	e.wanted |= events & requestable
	h.changed()
}

// Arm is Poller's.
func (h *Host) Arm(fd int, token uint64, events uint32) error {
	if err := check(fd); err != nil {
		return err
	}
	switch h.stateOf(fd) {
	case edge:
		return ErrExists
	case unknown:
		h.registered++
	}
	*h.interests.reserve(fd) = interest{token: token, wanted: events & (requestable | always), state: armed}
	h.changed()
	return nil
}

// Disarm is Poller's.
func (h *Host) Disarm(fd int) {
	if h.stateOf(fd) == armed {
		h.forget(fd)
	}
}

func (h *Host) forget(fd int) {
	*h.interests.at(fd) = interest{}
	h.registered--
	h.changed()
}

// Wait is Poller's, but never blocks.
func (h *Host) Wait(out []Event, _ int64) (n int, interrupted bool) {
	h.listed = false
	for n < len(out) && h.next < len(h.delivered) {
		e := h.interests.at(int(h.delivered[h.next]))
		h.next++
		if e.found == 0 {
			continue
		}
		out[n] = Event{Token: e.token, Events: e.found}
		n++
		e.found = 0
		if e.state == armed {
			*e = interest{}
			h.registered--
		}
	}
	if h.next == len(h.delivered) {
		h.delivered, h.next = h.delivered[:0], 0
	}
	return n, false
}

// Wake is Poller's.
func (h *Host) Wake() { wake(h.wake) }

// Waker is Poller's: the eventfd.
func (h *Host) Waker() int { return h.wake }

// Descriptor is Poller's.
func (h *Host) Descriptor() int { return -1 }

// SetTimer is Poller's. The loop keeps the time itself; a deadline nearer than the one it knows makes it ask.
func (h *Host) SetTimer(deadline int64) error {
	if deadline < h.deadline {
		h.changed()
	}
	h.deadline = deadline
	return nil
}

// Registered is Poller's.
func (h *Host) Registered() int { return h.registered }

// Close is Poller's. Closing twice is harmless.
func (h *Host) Close() {
	if h.wake >= 0 {
		_ = unix.Close(h.wake)
		h.wake = -1
	}
}
