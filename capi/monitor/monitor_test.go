// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"runtime"
	"testing"
)

func TestTheCountOfSchedulingsIsWhereItWasInGo126(t *testing.T) {
	if !counts {
		t.Fatal("Go's runtime has moved it: every loop pays 40 us every 6 ms until package monitor knows where")
	}
}

func TestStayCountsAsAScheduling(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	processor := processors[procPin()]
	before := processor.scheduled
	procUnpin()
	Stay()
	if now := processors[procPin()]; now == processor && now.scheduled == before {
		t.Error("Stay left the count as it was")
	}
	procUnpin()
}
