// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"sync/atomic"
	"unsafe"
)

// The memory both halves work on, as runtime/native/state.h lays it out; a test of package native compares all of it. Task
// blocks and lists live outside the Go heap, so the collector has nothing to do with them.

// Forever and Now are COTHREAD_FOREVER and COTHREAD_NOW.
const (
	Forever int64 = 1<<63 - 1
	Now     int64 = -1 << 63
)

// Reasons for which a wait ends, and answers to tick calls: the codes of cothread.h.
const (
	Woken            = 0
	errInvalid       = -1
	errExists        = -5
	errBusy          = -6
	errTimedOut      = -10
	errInterrupted   = -12
	errClosed        = -13
	errLimit         = -18
	errBadDescriptor = -19
	errSystem        = -20
)

// States of a task.
const (
	stateFree = iota
	stateReady
	stateRunning
	stateWaiting
	stateEnded
)

// Flags of a task.
const (
	flagCancelled = 1 << iota
	flagShielded
	flagDetached
	flagHost
	flagMain
	flagInWaitUntil
)

// Flags of a wait.
const (
	waitOnArmed = 1 << iota
	waitOfHost
	waitOfItem // one of several of its task's: Block.Wait has the deadline
	waitOfTransfer
)

const (
	chunkBits = 12
	chunks    = 1 << 10
)

// DueCapacity is the length of Shared.Due.
const DueCapacity = 1024

// Wait is what a task waits with: one is embedded in each task.
type Wait struct {
	_         [3]uintptr // next, previous, list
	Value     uint64     // for a descriptor: its place in the order of arrival
	Task      *Block
	ArmedNext *Wait
	FD        int32
	Events    uint32
	Number    uint32 // of the wait under way: tells a late report from a present one
	Kind      uint8
	Flags     uint8
	_         [2]uint8
}

// Block is a task as this half sees it.
type Block struct {
	Index, Generation uint32
	_                 uintptr // sp
	Reason            int32
	State, Flags      uint8
	_                 [2]uint8
	Deadline          int64 // of the wait under way
	Wait              Wait
	_                 [4]uintptr // joiners, held, stack, group
}

// is says whether the wait that had this number is under way still.
func (w *Wait) is(number uint32) bool {
	return w.Number == number && w.Task.State == stateWaiting
}

// Due is a wait that is over, or readiness of the descriptor of an object.
type Due struct {
	Wait   *Wait
	Object int64
	Reason int32
	Events uint32
	Number uint32 // the wait's, when it became due
	_      uint32
}

// Stop says why Engine.Run returned.
type Stop uint32

const (
	StopDone Stop = iota // nothing is ready any more
	StopMain             // it is main's turn
	StopCall             // a task asks for a tick call
)

// Operations of a tick call.
const (
	callAdopt = 1 + iota
	callRelease
	callWakeFD
	callDrained
	callSource
)

// Shared is what one half leaves for the other.
type Shared struct {
	Due                               *[DueCapacity]Due
	DueCount                          uint32
	Stop                              Stop
	ArmedFirst, ArmedLast             *Wait
	NowFirst                          *Wait
	_                                 uintptr
	NextFirst                         *Wait
	_                                 uintptr
	HostFirst                         *Wait
	Main                              *Block
	Tasks                             *[chunks]unsafe.Pointer // chunks of blocks
	BlockSize                         uintptr
	CallbackQuota                     uint32
	Interrupted                       atomic.Uint32
	Notify                            uint32
	PostedCount                       uint32
	CallbackBudget                    uint32
	TimerSlack                        uint32        // ns by which a deadline may be late at most
	Arrived                           atomic.Uint32 // other threads left something for the engine's next Run
	MoreReady                         uint32        // the poller had more to report than is due now
	CallOperation                     int64
	CallA, CallB, CallResult          int64
	Living                            atomic.Uint64
	Switches, Spawned, Waiting, Ended atomic.Uint64
	TimersFired                       atomic.Uint64
	Ticks, TimersArmed                atomic.Uint64
	Descriptors, Polls, Sleeps        atomic.Uint64
}

// block returns the block in a slot that has been used.
func (s *Shared) block(index uint32) *Block {
	return (*Block)(unsafe.Add(s.Tasks[index>>chunkBits], uintptr(index&(1<<chunkBits-1))*s.BlockSize))
}

// count adds to a counter that only this thread writes and any thread reads.
func count(counter *atomic.Uint64, by uint64) {
	counter.Store(counter.Load() + by)
}

// show sets such a counter. A store is a locked operation here, which waits for what the processor has still to write.
func show(counter *atomic.Uint64, value int) {
	if counter.Load() != uint64(value) {
		counter.Store(uint64(value))
	}
}
