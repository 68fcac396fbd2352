// SPDX-License-Identifier: Apache-2.0

// Package monitor keeps Go's monitor thread from interrupting a loop that is bound to its thread.
//
// The monitor signals a goroutine that has kept its processor for 10 ms. One that is bound to its thread, as every call from
// C is, then goes by way of two other threads to get a processor back: 40 us of CPU, and a wait that ends for nothing. The
// monitor takes it for the same goroutine as long as the processor's count of schedulings stands still. That count is private
// to Go's runtime, so whether it is where it was in Go 1.26 is seen when this is loaded; where it is not, Stay pays the 40 us.
package monitor

import (
	"runtime"
	_ "unsafe" // for linkname
)

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// What imports this is linked with -checklinkname=0.
//
//go:linkname processors runtime.allp
var processors []*processor

// processor is how Go's begins.
type processor struct {
	_         [2]uint32 // id, status
	_         uintptr   // link
	scheduled uint32    // how often it was given a goroutine; written by its thread only
}

// counts says whether the count was found. Asked in a goroutine of its own, which is not bound to a thread.
var counts = func() bool {
	found := make(chan bool)
	go func() { found <- countsSchedulings() }()
	return <-found
}()

// Stay has the monitor begin another 10 ms.
func Stay() {
	if !counts {
		runtime.Gosched()
		return
	}
	processors[procPin()].scheduled++
	procUnpin()
}

// countsSchedulings says whether the count goes up by one with a scheduling. Go may answer on another processor, or run
// something else meanwhile: then it is asked again.
func countsSchedulings() bool {
	for range 1000 {
		before := processors[procPin()]
		count := before.scheduled
		procUnpin()
		runtime.Gosched()
		after := processors[procPin()]
		rose := after == before && after.scheduled == count+1
		procUnpin()
		if rose {
			return true
		}
	}
	return false
}
