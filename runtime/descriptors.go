// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"cmp"
	"errors"
	"math/bits"
	"slices"

	"cothread/poll"
)

// descriptors knows which tasks wait for which descriptor of the caller's, and wakes them.
//
// One report wakes one task per direction (READABLE, PRIORITY, WRITABLE): the first that still
// waits for it, in all of its waits, unless one that was woken for it has not run yet. READHUP wakes every wait that asked
// for it, ERROR and HANGUP everyone. In the same look the descriptor is armed again for all that
// still wait. As an arm is level-triggered, the next look reports what is left, whatever became of
// the task that was woken: it may have been cancelled before its turn, or have left the rest.
//
// The engine keeps this for a wait on a descriptor:
//
//	Wait.Value   its place in the order of arrival, which the list of armed waits does not show: a
//	             task that waits twice in a tick keeps its first place there.
//	Wait.Events  the wanted bits, or those it was woken with; 0 from the moment its task runs on
//	             (a host task: its entry is in the batch).
//
// Nobody tells of a wait that ends otherwise (by its deadline, by a cancel): its number or its
// task's state shows it, when it comes to the front of a queue or when a queue is full. So each
// wait costs the same, however many there are.
type descriptors struct {
	poller   poll.Poller
	numbers  []*descriptor // by number
	incoming []*Wait       // begun, and in no queue yet
	unsorted bool          // not in the order of their arrival
	latest   uint64        // when the last of them arrived
	changed  []*descriptor // to arm: each once for all that came
	timedOut []int32       // numbers of waits whose deadline passed in this tick
	due      func(w *Wait, reason int32, events uint32)
}

// descriptor is what is known of one number.
type descriptor struct {
	fd         int32
	generation uint32 // of the arm, so that a late report of another one is not taken for it
	entered    uint32 // the queues, as bits, that a wait of this tick came to: then it is in descriptors.changed
	filled     uint32 // the queues that may have an entry
	queues     [queues]queue
	last       [directions]waiter // the wait last ended for each direction
	woken      queue              // waits that a report ended and whose tasks may not have run
}

// A wait stands in the queue of each direction it wants, and in that of READHUP; if it wants none
// of them, in the last.
const (
	directions = 3
	others     = directions + 1
	queues     = others + 1

	every uint32 = 1<<queues - 1
)

var queueEvents = [others]uint32{poll.Readable, poll.Priority, poll.Writable, poll.ReadHangup}

// queuesOf returns the queues, as bits, of the waits that want one of events. Those of directions have their events' bits.
func queuesOf(events uint32) uint32 {
	return events&(1<<directions-1) | events&poll.ReadHangup/poll.ReadHangup<<directions
}

// eventsOf returns what the waits in some of the queues want.
func eventsOf(set uint32) uint32 {
	return set&(1<<directions-1) | set>>directions&1*poll.ReadHangup | set>>others&1*(poll.Error|poll.Hangup)
}

// Tokens: an adopted descriptor's is its handle, which is positive; an arm's has the top bit set.
const armToken = 1 << 63

func token(fd int32, generation uint32) uint64 {
	return armToken | uint64(generation&0x7fffffff)<<32 | uint64(uint32(fd))
}

// ---- Queues ----

// waiter is a wait in a queue. The number changes when the wait is taken, so that it counts in no
// queue any more.
type waiter struct {
	wait   *Wait
	number uint32
}

func (w waiter) waits() bool { return w.wait.is(w.number) }

// toRun says whether a task that was woken has not run: it is due or ready, and for nothing else.
func (w waiter) toRun() bool {
	if w.wait == nil || w.wait.Number != w.number {
		return false
	}
	task := w.wait.Task
	return task.State == stateWaiting ||
		task.State == stateReady && task.Reason == Woken && w.wait.Events != 0
}

type queue struct {
	entries []waiter
	head    int // entries before it are over
}

// first returns the first entry that counts and drops those before it; nil: there is none.
func (q *queue) first(counts func(waiter) bool) *waiter {
	for ; q.head < len(q.entries); q.head++ {
		if w := &q.entries[q.head]; counts(*w) {
			return w
		}
	}
	q.entries, q.head = q.entries[:0], 0
	return nil
}

// push appends w. Those that do not count are looked for only when there is no room, and half of it
// must come of that, or the room is doubled: a push costs the same in any crowd.
func (q *queue) push(w waiter, counts func(waiter) bool) {
	if last := len(q.entries) - 1; last >= 0 && q.entries[last].wait == w.wait {
		q.entries[last] = w // that one is over: it was in the same place
		return
	}
	q.first(counts)
	if len(q.entries) == cap(q.entries) {
		kept := q.entries[:0]
		for _, e := range q.entries[q.head:] {
			if counts(e) {
				kept = append(kept, e)
			}
		}
		if len(kept) > cap(kept)/2 {
			kept = append(make([]waiter, 0, 2*cap(kept)), kept...)
		}
		q.entries, q.head = kept, 0
	}
	q.entries = append(q.entries, w)
}

// ---- Waits begin ----

// wait takes up a wait that began; arrive has the task woken when its descriptor is ready. What
// cannot be waited for is due then, with the reason.
func (d *descriptors) wait(w *Wait) {
	if w.Value < d.latest {
		d.unsorted = true
	}
	d.latest = w.Value
	d.incoming = append(d.incoming, w)
}

// reserve makes room for the number of a wait's descriptor. Hosts may ask for any number: only one that is open is worth the
// memory; false: the wait is over.
func (d *descriptors) reserve(w *Wait) bool {
	if err := d.poller.Arm(int(w.FD), token(w.FD, 0), w.Events); err != nil {
		if reason, events, over := refused(err, w.Events); over {
			d.due(w, reason, events)
			return false
		}
	}
	for int(w.FD) >= len(d.numbers) {
		d.numbers = append(d.numbers, make([]*descriptor, max(64, len(d.numbers)))...)
	}
	return true
}

// arrive enters those that wait took up into the queues, and then arms their descriptors: the memory of many is fetched side
// by side, but not across a system call.
func (d *descriptors) arrive() {
	if d.unsorted {
		slices.SortFunc(d.incoming, func(a, b *Wait) int { return cmp.Compare(a.Value, b.Value) })
		d.unsorted = false
	}
	for _, w := range d.incoming {
		if int(w.FD) >= len(d.numbers) && !d.reserve(w) {
			continue
		}
		n := d.numbers[w.FD]
		if n == nil {
			n = &descriptor{fd: w.FD}
			d.numbers[w.FD] = n
		}
		in := queuesOf(w.Events)
		if in == 0 {
			in = 1 << others
		}
		if n.entered == 0 {
			d.changed = append(d.changed, n)
		}
		n.entered |= in
		n.filled |= in
		for ; in != 0; in &= in - 1 {
			n.queues[bits.TrailingZeros32(in)].push(waiter{w, w.Number}, waiter.waits)
		}
	}
	d.incoming = d.incoming[:0]
	for _, n := range d.changed {
		wanted := eventsOf(n.entered)
		if before := n.filled &^ n.entered; before != 0 {
			wanted |= n.wanted(before)
		}
		n.entered = 0
		d.arm(n, wanted)
	}
	d.changed = d.changed[:0]
}

// arm asks for what those that still wait want, if any do.
func (d *descriptors) arm(n *descriptor, wanted uint32) {
	if wanted == 0 {
		return
	}
	n.generation++
	if err := d.poller.Arm(int(n.fd), token(n.fd, n.generation), wanted); err != nil {
		d.refuse(n, err)
	}
}

// refuse ends the waits for a descriptor that the poller does not take.
func (d *descriptors) refuse(n *descriptor, err error) {
	from := every
	if errors.Is(err, poll.ErrAlwaysReady) {
		// the others wait for what a regular file never has
		from = queuesOf(poll.Readable | poll.Writable)
	}
	for w := n.next(from); w != nil; w = n.next(from) {
		reason, events, _ := refused(err, w.Events)
		d.makeDue(n, w, reason, events)
	}
}

// refused says how a wait ends that the poller does not take; of an error of the system events is errno. over is false for one
// that goes on: for what a file that is always ready never has.
func refused(err error, wanted uint32) (reason int32, events uint32, over bool) {
	if !errors.Is(err, poll.ErrAlwaysReady) {
		code, errno := CodeOf(err)
		return code, uint32(errno), true
	}
	events = wanted & (poll.Readable | poll.Writable)
	return Woken, events, events != 0
}

// wanted returns the bits that those in some of the queues want that still wait.
func (n *descriptor) wanted(from uint32) uint32 {
	for in := from & n.filled; in != 0; in &= in - 1 {
		if i := bits.TrailingZeros32(in); n.queues[i].first(waiter.waits) == nil {
			n.filled &^= 1 << i
		}
	}
	return eventsOf(from & n.filled)
}

// next returns the wait that came first among those in some of the queues.
func (n *descriptor) next(from uint32) (next *Wait) {
	for in := from & n.filled; in != 0; in &= in - 1 {
		i := bits.TrailingZeros32(in)
		if w := n.queues[i].first(waiter.waits); w != nil && (next == nil || w.wait.Value < next.Value) {
			next = w.wait
		}
	}
	return next
}

// ---- Waits end ----

// makeDue makes a wait due. From then on it is in no queue.
func (d *descriptors) makeDue(n *descriptor, w *Wait, reason int32, events uint32) {
	w.Number++
	if reason == Woken {
		n.woken.push(waiter{w, w.Number}, waiter.toRun)
	}
	d.due(w, reason, events)
}

// report wakes those whose turn it is, and asks again for the others.
func (d *descriptors) report(t uint64, events uint32) {
	fd := int32(uint32(t))
	if int(fd) >= len(d.numbers) {
		return
	}
	n := d.numbers[fd]
	if n == nil || token(fd, n.generation) != t {
		return
	}
	granted := events // what the next one may be told
	if events&poll.Hangup == 0 {
		for i := range n.last {
			if n.last[i].toRun() {
				granted &^= queueEvents[i]
			}
		}
	}
	for {
		from := queuesOf(granted)
		if events&(poll.Error|poll.Hangup) != 0 {
			from = every
		}
		w := n.next(from)
		if w == nil {
			break
		}
		got := granted & (w.Events | poll.Error | poll.Hangup)
		d.makeDue(n, w, Woken, got)
		if w.Flags&waitOfItem != 0 { // it may wait for the descriptor more than once: then these waits came one behind the other
			for same := n.next(from); same != nil && same.Task == w.Task; same = n.next(from) {
				d.makeDue(n, same, Woken, granted&(same.Events|poll.Error|poll.Hangup))
			}
		}
		for i := range n.last {
			if got&queueEvents[i] != 0 {
				n.last[i] = waiter{w, w.Number}
			}
		}
		if events&poll.Hangup == 0 { // after a hangup no read and no write blocks: everyone is told all
			granted &^= got & (poll.Readable | poll.Priority | poll.Writable)
		}
	}
	d.arm(n, n.wanted(every))
}

// waited says whether somebody waits for fd.
func (d *descriptors) waited(fd int64) bool {
	return fd >= 0 && fd < int64(len(d.numbers)) && d.numbers[fd] != nil && d.numbers[fd].wanted(every) != 0
}

// forget takes the registration of a descriptor back if nobody waits for it any more.
func (d *descriptors) forget(fd int64) {
	if fd >= 0 && fd < int64(len(d.numbers)) && !d.waited(fd) {
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

// wake ends every wait on fd, and returns how many. One that was woken and has not run counts: it
// is told now that the descriptor is closed, as by its turn the number may be another descriptor's.
func (d *descriptors) wake(fd int64) (woken int64) {
	if fd < 0 || fd >= int64(len(d.numbers)) || d.numbers[fd] == nil {
		return 0
	}
	n := d.numbers[fd]
	for ; ; woken++ {
		w := n.woken.first(waiter.toRun)
		if w == nil {
			break
		}
		if task := w.wait.Task; task.State == stateReady {
			if w.wait.Flags&waitOfItem != 0 {
				w.wait.Number++ // the engine counts the wakes of each descriptor
			} else {
				task.Reason = errClosed
			}
		} else {
			d.makeDue(n, w.wait, errClosed, 0) // in place of what is due: that has the number of before
		}
	}
	for w := n.next(every); w != nil; w = n.next(every) {
		d.makeDue(n, w, errClosed, 0)
		woken++
	}
	d.poller.Disarm(int(fd))
	return woken
}
