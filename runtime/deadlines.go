// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"
)

// deadlines is a 4-ary heap of when tasks are to be woken: four children share a cache line.
//
// A slot has at most one valid entry, the one whose key is the block's HeapDeadline. Ending a wait early touches nothing
// here, and neither does a later deadline of the same task: when the entry comes up, the block says whether to wake the
// task, to enter it again, or to forget it. So an echo server that renews a timeout with each message pays nothing
// for it. Only an earlier deadline enters the slot again at once; its old entry is dead then. (Should a dead entry have
// the valid one's key again, the first of them to come up is the valid one.)
type deadlines struct {
	shared   *Shared
	memory   []byte
	entries  []deadlineEntry // over memory
	dead     int
	sequence uint32
	large    bool // memory worth giving back was touched
}

type deadlineEntry struct {
	deadline int64
	sequence uint32 // equal deadlines are FIFO
	slot     uint32
}

const (
	arity = 4
	// Every slot may have one valid entry, and compact keeps the dead ones below half, and 65.
	deadlinesCapacity = 2<<22 + 256
	deadlinesLarge    = 1 << 16
)

func newDeadlines(shared *Shared) (*deadlines, error) {
	// Reserved, not committed: pages come with use.
	memory, err := unix.Mmap(-1, 0, deadlinesCapacity*int(unsafe.Sizeof(deadlineEntry{})),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	entries := unsafe.Slice((*deadlineEntry)(unsafe.Pointer(&memory[0])), deadlinesCapacity)[:0]
	return &deadlines{shared: shared, memory: memory, entries: entries}, nil
}

func (d *deadlines) close() {
	d.entries = nil
	_ = unix.Munmap(d.memory)
}

// arm has b woken at its deadline.
func (d *deadlines) arm(b *Block) {
	key := max(b.Deadline, 1) // 0 stands for no entry
	d.sequence++
	b.HeapSequence = d.sequence
	if b.HeapDeadline != 0 {
		if key >= b.HeapDeadline {
			return
		}
		d.dead++
	}
	b.HeapDeadline = key
	d.push(deadlineEntry{key, b.HeapSequence, b.Index})
	if d.dead > len(d.entries)/2+64 {
		d.compact()
	}
}

// next returns the earliest deadline that a task waits for.
func (d *deadlines) next() int64 {
	for len(d.entries) > 0 {
		top := d.entries[0]
		b := d.shared.block(top.slot)
		if top.present(b) {
			return top.deadline
		}
		d.pop()
		d.renew(b, top)
	}
	return Forever
}

// expire calls due for each task whose deadline is not after now, in the order of deadlines, while there is room in
// Shared.Due; the others are next tick's.
func (d *deadlines) expire(now int64, due func(*Block)) {
	for len(d.entries) > 0 && d.entries[0].deadline <= now && d.shared.DueCount < DueCapacity {
		top := d.entries[0]
		b := d.shared.block(top.slot)
		d.pop()
		if top.present(b) {
			b.HeapDeadline = 0
			due(b)
			continue
		}
		d.renew(b, top)
	}
}

// present says whether an entry is for the wait that b is in: then its deadline and its place among equal ones are right.
func (e deadlineEntry) present(b *Block) bool {
	return b.HeapDeadline == e.deadline && b.HeapSequence == e.sequence && b.State == stateWaiting && max(b.Deadline, 1) == e.deadline
}

// renew deals with an entry that came up and is not b's present deadline.
func (d *deadlines) renew(b *Block, top deadlineEntry) {
	if b.HeapDeadline != top.deadline {
		d.dead--
		return
	}
	b.HeapDeadline = 0
	if b.State == stateWaiting && b.Deadline != Forever {
		b.HeapDeadline = max(b.Deadline, 1)
		d.push(deadlineEntry{b.HeapDeadline, b.HeapSequence, b.Index})
	}
}

func (d *deadlines) compact() {
	kept := d.entries[:0]
	for _, e := range d.entries {
		if b := d.shared.block(e.slot); b.HeapDeadline == e.deadline {
			b.HeapDeadline = -e.deadline // marked: a second one is dead
			kept = append(kept, e)
		}
	}
	for _, e := range kept {
		d.shared.block(e.slot).HeapDeadline = e.deadline
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
		_ = unix.Madvise(d.memory, unix.MADV_DONTNEED)
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
