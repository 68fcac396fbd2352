// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"math/bits"
	"unsafe"
)

// deadlines is a hierarchical timing wheel of when tasks are to be woken.
//
// A deadline is read as a number of base 64, and compared with base, a time not after now: the highest digit in which
// the two differ, and what it is, name the bucket. So the buckets of a lower level come before all of a higher one, those
// of a level in the order of their digits, and entries of level 0 in one bucket have one deadline. A bucket whose time has
// come is the first of all; its entries then go, in their order, into those of the levels below. An entry moves two or
// three times like that, and is never compared with another: equal deadlines are FIFO, and so are those before base.
//
// A slot has at most one entry. Ending a wait early touches nothing here: when the entry comes up, the wait's number
// says whether it is still the same one.
type deadlines struct {
	shared     *Shared
	memory     []byte
	entries    *deadlineEntries // over memory
	occupied   [levels]uint64   // by digit: the buckets of each level that are not empty
	base       int64
	count      int
	first      uint32 // the earliest entry; 0: not known
	planned    int64  // wakeUp's last answer
	plannedFor int64  // holds while this is the earliest deadline; 0: no longer
	large      bool   // memory worth giving back was touched
}

// deadlineEntry stands in the circular list of its bucket, of which the head is part. A head counts only while its bucket
// is occupied.
type deadlineEntry struct {
	deadline       int64 // 0: in no bucket. Of a head: none in the bucket is earlier
	latest         int64 // the wait may end as late as this
	next, previous uint32
	number         uint32 // the wait's
	fd             int32  // what else it waits for; -1: nothing
}

// deadlineEntries are the buckets' heads, then an entry for each slot.
type deadlineEntries [buckets + deadlinesSlots]deadlineEntry

const (
	digitBits = 6
	digits    = 1 << digitBits
	levels    = (63 + digitBits - 1) / digitBits
	buckets   = levels * digits // the entry of slot 0 comes after them

	deadlinesSlots = chunks << chunkBits
	deadlinesLarge = 1 << 16
	// A wait may be late by this part of itself, and by Shared.TimerSlack at most.
	slackPart = 8
	// To find the earliest of so many is cheaper than to spread them.
	few = 4
)

func newDeadlines(shared *Shared) (*deadlines, error) {
	memory, err := reserve(int(unsafe.Sizeof(deadlineEntries{})))
	if err != nil {
		return nil, err
	}
	return &deadlines{shared: shared, memory: memory, entries: (*deadlineEntries)(unsafe.Pointer(&memory[0]))}, nil
}

func (d *deadlines) close() {
	d.entries = nil
	unreserve(d.memory)
}

// arm has b woken at its deadline. Its wait began at now at the latest, so what is left is no more
// than the whole wait, and one whose deadline has passed is not late at all.
func (d *deadlines) arm(b *Block, now int64) {
	i := buckets + b.Index
	e := &d.entries[i]
	if e.deadline != 0 {
		d.unlink(i)
	}
	e.deadline = max(b.Deadline, 1) // 0 stands for no entry
	e.number, e.fd = b.Wait.Number, -1
	if b.Wait.Events != 0 {
		e.fd = b.Wait.FD
	}
	slack := min(max(e.deadline-now, 0)/slackPart, int64(d.shared.TimerSlack))
	e.latest = e.deadline + min(slack, Forever-e.deadline)
	d.link(i)
	d.count++
	d.large = d.large || b.Index > deadlinesLarge
	if d.first != 0 && e.deadline < d.entries[d.first].deadline {
		d.first = i
	}
	if e.deadline <= d.planned {
		d.plannedFor = 0
	}
}

// next returns the earliest deadline that a task waits for. If its bucket has more than a tick takes, it may return an
// earlier time: to wake up then costs less than to look at them all, and spreads them.
func (d *deadlines) next() int64 {
	for {
		if d.first == 0 {
			bucket, _ := d.firstBucket()
			if bucket == buckets {
				return Forever
			}
			if d.first = d.earliest(bucket, DueCapacity); d.first == 0 {
				return d.entries[bucket].deadline
			}
		}
		if e := &d.entries[d.first]; d.wait(d.first).is(e.number) {
			return e.deadline
		}
		d.forget(d.first)
	}
}

// earliest returns the entry of a bucket that comes up first; 0: it has more than so many to look at.
func (d *deadlines) earliest(bucket uint32, most int) uint32 {
	least := d.entries[bucket].next
	for i := least; i != bucket; i = d.entries[i].next {
		if most--; most < 0 {
			return 0
		}
		if d.entries[i].deadline < d.entries[least].deadline {
			least = i
		}
	}
	return least
}

// wakeUp returns when to wake up for the next deadlines: no deadline is later met than its slack
// allows, and as many as possible together. One that is alone is met in time.
func (d *deadlines) wakeUp() int64 {
	first := d.next()
	if first == Forever || d.first == 0 {
		return first
	}
	if first != d.plannedFor {
		d.plannedFor, d.planned = first, d.gather(first)
	}
	return d.planned
}

// gather looks for the deadlines that one wake-up can meet. Those whose task waits no longer count too: they come up all
// the same.
func (d *deadlines) gather(first int64) int64 {
	latest := d.entries[d.first].latest // no entry seen may be met later,
	last := first                       // the last deadline of those seen
	room := DueCapacity                 // for entries to be looked at: more than a tick takes need not be gathered
	for level, occupied := range d.occupied {
		for ; occupied != 0; occupied &= occupied - 1 {
			bucket := uint32(level<<digitBits + bits.TrailingZeros64(occupied))
			head := &d.entries[bucket]
			if head.deadline > latest || room == 0 {
				return min(latest, last, head.deadline)
			}
			for i := head.next; i != bucket; i = d.entries[i].next {
				if room == 0 {
					return first
				}
				room--
				if e := &d.entries[i]; e.deadline <= latest {
					latest = min(latest, e.latest)
					last = max(last, e.deadline)
				}
			}
		}
	}
	return min(latest, last)
}

// expire calls due for each entry whose deadline is not after now, in the order of deadlines, while there is room in
// Shared.Due; the others are next tick's. The waits are not looked at: their blocks have left the caches, and the engine,
// which fetches them ahead, asks by their numbers whether they are over.
func (d *deadlines) expire(now int64, due func(w *Wait, e *deadlineEntry)) {
	for d.shared.DueCount < DueCapacity {
		bucket, start := d.firstBucket()
		if bucket == buckets || start > now {
			return
		}
		i := d.entries[bucket].next // of level 0, where all are equal
		if bucket >= digits {
			i = d.earliest(bucket, few)
		}
		if i == 0 {
			d.base = start
			d.spread(bucket)
			continue
		}
		e := &d.entries[i]
		if e.deadline > now {
			return
		}
		due(d.wait(i), e)
		d.forget(i)
	}
}

// spread moves the entries of a bucket that begins at base into those of the levels below.
func (d *deadlines) spread(bucket uint32) {
	d.occupied[bucket>>digitBits] &^= 1 << (bucket & (digits - 1))
	for i := d.entries[bucket].next; i != bucket; {
		next := d.entries[i].next
		d.link(i)
		i = next
	}
}

// wait returns the wait that an entry is for, if its number is still the entry's.
func (d *deadlines) wait(i uint32) *Wait { return &d.shared.block(i - buckets).Wait }

// firstBucket returns the bucket of the earliest entries, and where it begins; buckets: there are none.
func (d *deadlines) firstBucket() (bucket uint32, start int64) {
	for level, occupied := range d.occupied {
		if occupied != 0 {
			digit, shift := bits.TrailingZeros64(occupied), level*digitBits
			return uint32(level<<digitBits + digit), d.base&^(1<<(shift+digitBits)-1) | int64(digit)<<shift
		}
	}
	return buckets, Forever
}

// link appends an entry to the bucket of its deadline.
func (d *deadlines) link(i uint32) {
	e := &d.entries[i]
	deadline := max(e.deadline, d.base)
	level := uint(bits.Len64(uint64(deadline^d.base)|1)-1) / digitBits
	digit := uint(deadline>>(level*digitBits&63)) & (digits - 1)
	bucket := uint32(level<<digitBits | digit)
	head := &d.entries[bucket]
	if bit := uint64(1) << digit; d.occupied[level]&bit == 0 {
		d.occupied[level] |= bit
		*head = deadlineEntry{deadline: e.deadline, next: bucket, previous: bucket}
	}
	head.deadline = min(head.deadline, e.deadline)
	e.next, e.previous = bucket, head.previous
	d.entries[head.previous].next = i
	head.previous = i
}

// unlink takes an entry out of its bucket.
func (d *deadlines) unlink(i uint32) {
	e := &d.entries[i]
	d.entries[e.previous].next = e.next
	d.entries[e.next].previous = e.previous
	if e.next == e.previous { // the head: it was the only one
		d.occupied[e.next>>digitBits] &^= 1 << (e.next & (digits - 1))
	}
	e.deadline = 0
	d.count--
	if d.first == i {
		d.first = 0
	}
}

// forget takes out an entry that came up.
func (d *deadlines) forget(i uint32) {
	d.unlink(i)
	if d.count == 0 && d.large {
		d.large = false
		discard(d.memory)
	}
}
