// SPDX-License-Identifier: Apache-2.0

// The number of processors is set below; to look for the container's limit would leave two files open for good.
//
//go:debug containermaxprocs=0

// Command capi is libcothread.so: the public names are C (cothread.c), and what they need of the tick half is
// exported here. Every export runs on a thread's own stack, and turns a panic into an error that breaks only its
// scheduler.
package main

// #cgo CFLAGS: -std=gnu11 -O2 -g -fvisibility=hidden
// #include "tick.h"
import "C"

import (
	"math/bits"
	goruntime "runtime"
	"runtime/debug"
	"sync"
	"unsafe"

	"cothread/callback"
	"cothread/capi/monitor"
	"cothread/poll"
	"cothread/runtime"
	"cothread/runtime/native"
)

// The codes of cothread.h that arise here.
const (
	errNoMemory = -17
	errBroken   = -21
)

const schedulersMax = 1023 // SCHEDULER_NUMBERS in handles.h

// tickHalves holds the living schedulers by number. An entry is used by its own thread only; mu guards what all share.
var (
	tickHalves [schedulersMax + 1]*runtime.Scheduler
	faults     [schedulersMax + 1]string
	mu         sync.Mutex
	living     int
)

func main() {}

func init() {
	// Hot data is off the Go heap, which stays small: collect by size only, never by time, so that an idle process
	// has no reason to wake.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(64 << 20)
	// Set even if the default will do: Go then leaves off adjusting it when the container's limits change.
	goruntime.GOMAXPROCS(max(processorsAtFirst, goruntime.GOMAXPROCS(0)))
}

// processorsAtFirst serves all but a few programs, so that theirs never changes. One scheduler alone wakes, waits and
// idles at the same cost with 3 and with 16 (bench wake1000).
const processorsAtFirst = 16

// enlarge gives each waiting scheduler a processor, and two more: with as many waiting loops as processors another thread's
// call into Go takes 11 ms at p99, with one more 6 us. Never fewer again, and in powers of two: each change stops the world,
// which costs 12 ms beside a thousand schedulers, and in Go 1.26 does not end if a thread that has called Go exits at that
// moment (seen in 3 of 4 runs of 8 s of creating, destroying and exiting).
func enlarge() {
	mu.Lock()
	defer mu.Unlock()
	living++
	if processors := living + 2; processors > goruntime.GOMAXPROCS(0) {
		goruntime.GOMAXPROCS(1 << bits.Len(uint(processors-1)))
	}
}

// recovered is deferred by every export.
func recovered(number C.uint32_t, rc *C.int) {
	if fault := recover(); fault != nil {
		text := "unknown fault"
		switch f := fault.(type) {
		case error:
			text = f.Error()
		case string:
			text = f
		}
		faults[number] = "internal fault: " + text + "; destroy the scheduler"
		*rc = errBroken
	}
}

// clock is cothread_now: a deadline that is past for a task is past for its tick. runtime.nanotime
// is CLOCK_MONOTONIC by the vDSO; unix.ClockGettime is a system call, and time.Since counts from a
// moment whose place on that clock can only be measured.
//
//go:linkname clock runtime.nanotime
func clock() int64

//export tickCreate
func tickCreate(number C.uint32_t, queue, scheduler unsafe.Pointer, hostPolls C.int, systemError *C.int) (rc C.int) {
	defer recovered(number, &rc)
	var poller poll.Poller
	var err error
	if hostPolls != 0 {
		poller, err = poll.NewHost()
	} else {
		poller, err = poll.NewEpoll()
	}
	if err != nil {
		code, errno := runtime.CodeOf(err)
		*systemError = C.int(errno)
		return C.int(code)
	}
	engine := native.At(scheduler)
	s, err := runtime.New(engine.Shared(), engine, callback.At(queue), poller, clock, monitor.Stay)
	if err != nil {
		poller.Close()
		return errNoMemory
	}
	enlarge()
	tickHalves[number] = s
	faults[number] = ""
	return C.int(poller.Waker())
}

//export tickRelease
func tickRelease(number C.uint32_t) {
	var rc C.int
	defer recovered(number, &rc)
	tickHalves[number].Close()
	tickHalves[number] = nil
	mu.Lock()
	living--
	mu.Unlock()
	endThreads()
}

//export tickDrive
func tickDrive(number C.uint32_t) (rc C.int) {
	defer recovered(number, &rc)
	tickHalves[number].Drive()
	return 0
}

//export tickPoll
func tickPoll(number C.uint32_t, deadline C.int64_t) (rc C.int) {
	defer recovered(number, &rc)
	tickHalves[number].Poll(int64(deadline))
	return 0
}

//export tickDrain
func tickDrain(number C.uint32_t, deadline C.int64_t, hostTasks C.uint64_t) (rc C.int) {
	defer recovered(number, &rc)
	tickHalves[number].Drain(int64(deadline), uint64(hostTasks))
	return 0
}

//export tickCall
func tickCall(number C.uint32_t) (rc C.int) {
	defer recovered(number, &rc)
	tickHalves[number].Call()
	return 0
}

//export tickSettle
func tickSettle(number C.uint32_t) (rc C.int) {
	defer recovered(number, &rc)
	tickHalves[number].Settle()
	return 0
}

//export tickPollFD
func tickPollFD(number C.uint32_t) (rc C.int) {
	defer recovered(number, &rc)
	return C.int(tickHalves[number].Embed())
}

//export tickNextDeadline
func tickNextDeadline(number C.uint32_t) C.int64_t {
	var rc C.int
	defer recovered(number, &rc)
	return C.int64_t(tickHalves[number].NextDeadline())
}

//export tickPollList
func tickPollList(number C.uint32_t, list unsafe.Pointer, capacity C.int) (rc C.int) {
	defer recovered(number, &rc)
	s := tickHalves[number]
	s.Settle()
	return C.int(s.Poller().(poll.Lister).List(unsafe.Slice((*poll.HostInterest)(list), capacity)))
}

//export tickPollDeliver
func tickPollDeliver(number C.uint32_t, list unsafe.Pointer, length C.int) (rc C.int) {
	defer recovered(number, &rc)
	host := tickHalves[number].Poller().(poll.Lister)
	for _, entry := range unsafe.Slice((*poll.HostInterest)(list), length) {
		if entry.Found != 0 {
			host.Deliver(int(entry.FD), uint32(entry.Found))
		}
	}
	return 0
}

//export tickFault
func tickFault(number C.uint32_t, text *C.char, size C.int) {
	out := unsafe.Slice((*byte)(unsafe.Pointer(text)), size)
	n := copy(out[:size-1], faults[number])
	out[n] = 0
}
