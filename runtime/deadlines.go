// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"math/bits"
	"unsafe"
)

// deadlines is a 4-ary heap of when tasks are to be woken: four children share a cache line.
//
// A slot has at most one valid entry, the one whose key is the slot's in keys. Ending a wait early touches nothing
// here, and neither does a later deadline of the same task: when the entry comes up, the block says whether to wake the
// task, to enter it again, or to forget it. So an echo server that renews a timeout with each message pays nothing
// for it. Only an earlier deadline enters the slot again at once; its old entry is dead then. (Should a dead entry have
// the valid one's key again, the first of them to come up is the valid one.)
type deadlines struct {
	shared   *Shared
	memory   []byte
	entries  []deadlineEntry // over memory
	keyed    []byte
	keys     []deadlineKey // of each slot, over keyed
	dead     int
	sequence uint32
	large    bool // memory worth giving back was touched
}

// deadlineKey is that of a slot's valid entry; deadline 0: it has none. It outlives the task.
type deadlineKey struct {
	deadline int64
	sequence uint32
	slack    uint32 // ns by which the wait under way may end late
}

type deadlineEntry struct {
	deadline int64
	sequence uint32 // equal deadlines are FIFO
	slot     uint32
}

const (
	arity = 4
	// Every slot may have one valid entry, and compact keeps the dead ones below half, and 65.
	deadlinesSlots    = chunks << chunkBits
	deadlinesCapacity = 2*deadlinesSlots + 256
	deadlinesLarge    = 1 << 16
	// A wait may be late by this part of itself, and by Shared.TimerSlack at most.
	slackPart = 8
)

func newDeadlines(shared *Shared) (*deadlines, error) {
	memory, err := reserve(deadlinesCapacity * int(unsafe.Sizeof(deadlineEntry{})))
	if err != nil {
		return nil, err
	}
	keyed, err := reserve(deadlinesSlots * int(unsafe.Sizeof(deadlineKey{})))
	if err != nil {
		unreserve(memory)
		return nil, err
	}
	return &deadlines{
		shared: shared, memory: memory, keyed: keyed,
		entries: unsafe.Slice((*deadlineEntry)(unsafe.Pointer(&memory[0])), deadlinesCapacity)[:0],
		keys:    unsafe.Slice((*deadlineKey)(unsafe.Pointer(&keyed[0])), deadlinesSlots),
	}, nil
}

func (d *deadlines) close() {
	d.entries, d.keys = nil, nil
	unreserve(d.memory)
	unreserve(d.keyed)
}

// arm has b woken at its deadline. Its wait began at now at the latest, so what is left is no more
// than the whole wait, and one whose deadline has passed is not late at all.
func (d *deadlines) arm(b *Block, now int64) {
	deadline := max(b.Deadline, 1) // 0 stands for no entry
	key := &d.keys[b.Index]
	d.sequence++
	key.sequence = d.sequence
	key.slack = uint32(min(max(deadline-now, 0)/slackPart, int64(d.shared.TimerSlack)))
	if key.deadline != 0 {
		if deadline >= key.deadline {
			return
		}
		d.dead++
	}
	key.deadline = deadline
	d.push(deadlineEntry{deadline, key.sequence, b.Index})
	if d.dead > len(d.entries)/2+64 {
		d.compact()
	}
}

// next returns the earliest deadline that a task waits for.
func (d *deadlines) next() int64 {
	for len(d.entries) > 0 {
		top := d.entries[0]
		b := d.shared.block(top.slot)
		if d.present(b, top) {
			return top.deadline
		}
		d.pop()
		d.renew(b, top)
	}
	return Forever
}

// wakeUp returns when to wake up for the next deadlines: no deadline is later met than its slack
// allows, and as many as possible together. One that is alone is met in time.
func (d *deadlines) wakeUp() int64 {
	first := d.next()
	if first == Forever {
		return Forever
	}
	g := gathering{latest: d.latest(d.entries[0]), last: first, room: DueCapacity}
	d.gather(&g, 0)
	return min(g.latest, g.last)
}

// gathering looks for the deadlines that one wake-up can meet.
type gathering struct {
	latest int64 // no entry seen may be met later,
	last   int64 // the last deadline of those seen
	room   int   // for entries to be looked at: more than a tick takes need not be gathered
}

// gather looks at what is below entry i. What it leaves out is not met too late either: it lies
// below an entry, or is one, whose deadline is at g.latest or after it.
func (d *deadlines) gather(g *gathering, i int) {
	for c := i*arity + 1; c < min(i*arity+1+arity, len(d.entries)); c++ {
		e := d.entries[c]
		if e.deadline > g.latest {
			continue
		}
		if g.room == 0 {
			g.latest = e.deadline
			continue
		}
		g.room--
		g.latest = min(g.latest, d.latest(e))
		g.last = max(g.last, e.deadline)
		d.gather(g, c)
	}
}

// latest returns until when an entry may be met. A dead one counts too: it comes up all the same.
func (d *deadlines) latest(e deadlineEntry) int64 {
	return e.deadline + min(int64(d.keys[e.slot].slack), Forever-e.deadline)
}

// expire calls due for each task whose deadline is not after now, in the order of deadlines, while there is room in
// Shared.Due; the others are next tick's.
func (d *deadlines) expire(now int64, due func(*Block)) {
	for len(d.entries) > 0 && d.entries[0].deadline <= now && d.shared.DueCount < DueCapacity {
		top := d.entries[0]
		b := d.shared.block(top.slot)
		d.pop()
		if d.present(b, top) {
			d.keys[top.slot].deadline = 0
			due(b)
			continue
		}
		d.renew(b, top)
	}
}

// present says whether an entry is for the wait that b is in: then its deadline and its place among equal ones are right.
func (d *deadlines) present(b *Block, e deadlineEntry) bool {
	key := d.keys[e.slot]
	return key.deadline == e.deadline && key.sequence == e.sequence && b.State == stateWaiting && max(b.Deadline, 1) == e.deadline
}

// renew deals with an entry that came up and is not b's present deadline.
func (d *deadlines) renew(b *Block, top deadlineEntry) {
	key := &d.keys[top.slot]
	if key.deadline != top.deadline {
		d.dead--
		return
	}
	key.deadline = 0
	if b.State == stateWaiting && b.Deadline != Forever {
		key.deadline = max(b.Deadline, 1)
		d.push(deadlineEntry{key.deadline, key.sequence, top.slot})
	}
}

func (d *deadlines) compact() {
	kept := d.entries[:0]
	for _, e := range d.entries {
		if key := &d.keys[e.slot]; key.deadline == e.deadline {
			key.deadline = -e.deadline // marked: a second one is dead
			kept = append(kept, e)
		}
	}
	for _, e := range kept {
		d.keys[e.slot].deadline = e.deadline
	}
	d.entries = kept
	d.dead = 0
	for i := (len(kept) - 2) / arity; i >= 0; i-- {
		d.down(i)
	}
}

// before returns 1 if a comes up before b, else 0: without a branch, as its outcome cannot be guessed. Keys are positive.
// Sequences start again after 2^32: entries of one key that were armed on either side of that change places.
func (a *deadlineEntry) before(b *deadlineEntry) int {
	_, borrow := bits.Sub64(uint64(a.sequence), uint64(b.sequence), 0)
	_, borrow = bits.Sub64(uint64(a.deadline), uint64(b.deadline), borrow)
	return int(borrow)
}

func (d *deadlines) push(e deadlineEntry) {
	i := len(d.entries)
	d.entries = d.entries[:i+1] // never beyond deadlinesCapacity: see there
	d.large = d.large || i > deadlinesLarge
	for i > 0 {
		parent := (i - 1) / arity
		if e.before(&d.entries[parent]) == 0 {
			break
		}
		d.entries[i] = d.entries[parent]
		i = parent
	}
	d.entries[i] = e
}

func (d *deadlines) pop() {
	last := len(d.entries) - 1
	d.entries[0] = d.entries[last]
	d.entries = d.entries[:last]
	if last > 1 {
		d.down(0)
	} else if last == 0 && d.large {
		d.large = false
		discard(d.memory)
	}
}

func (d *deadlines) down(i int) {
	entries := d.entries
	e := entries[i]
	for {
		child := i*arity + 1
		if child >= len(entries) {
			break
		}
		least := child
		if family := entries[child:min(child+arity, len(entries))]; len(family) == arity {
			first := family[1].before(&family[0])
			second := 2 + family[3].before(&family[2])
			least += first + (second-first)*family[second&3].before(&family[first&3])
		} else {
			for c := range family {
				least += (child + c - least) * family[c].before(&entries[least])
			}
		}
		if entries[least].before(&e) == 0 {
			break
		}
		entries[i] = entries[least]
		i = least
	}
	entries[i] = e
}
