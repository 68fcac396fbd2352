// SPDX-License-Identifier: Apache-2.0

package native

// #include "state.h"
import "C"

import (
	"errors"
	"strconv"
	"unsafe"

	"cothread/runtime"
)

// CompareLayouts returns an error for the first field that C and Go place differently. import "C" is not possible in a
// test file.
func CompareLayouts() error {
	var (
		task   C.struct_task
		block  runtime.Block
		wait   C.struct_wait
		goWait runtime.Wait
		due    C.struct_due
		goDue  runtime.Due
		shared C.struct_shared
		mirror runtime.Shared
	)
	for _, f := range []struct {
		name   string
		c, go_ uintptr
	}{
		{"task", unsafe.Sizeof(task), unsafe.Sizeof(block)},
		{"task.index", unsafe.Offsetof(task.index), unsafe.Offsetof(block.Index)},
		{"task.reason", unsafe.Offsetof(task.reason), unsafe.Offsetof(block.Reason)},
		{"task.state", unsafe.Offsetof(task.state), unsafe.Offsetof(block.State)},
		{"task.flags", unsafe.Offsetof(task.flags), unsafe.Offsetof(block.Flags)},
		{"task.deadline", unsafe.Offsetof(task.deadline), unsafe.Offsetof(block.Deadline)},
		{"task.wait", unsafe.Offsetof(task.wait), unsafe.Offsetof(block.Wait)},
		{"wait", unsafe.Sizeof(wait), unsafe.Sizeof(goWait)},
		{"wait.value", unsafe.Offsetof(wait.list) + 8, unsafe.Offsetof(goWait.Value)},
		{"wait.task", unsafe.Offsetof(wait.task), unsafe.Offsetof(goWait.Task)},
		{"wait.armed_next", unsafe.Offsetof(wait.armed_next), unsafe.Offsetof(goWait.ArmedNext)},
		{"wait.fd", unsafe.Offsetof(wait.fd), unsafe.Offsetof(goWait.FD)},
		{"wait.events", unsafe.Offsetof(wait.events), unsafe.Offsetof(goWait.Events)},
		{"wait.number", unsafe.Offsetof(wait.number), unsafe.Offsetof(goWait.Number)},
		{"wait.kind", unsafe.Offsetof(wait.kind), unsafe.Offsetof(goWait.Kind)},
		{"wait.flags", unsafe.Offsetof(wait.flags), unsafe.Offsetof(goWait.Flags)},
		{"due", unsafe.Sizeof(due), unsafe.Sizeof(goDue)},
		{"due.adopted", unsafe.Offsetof(due.adopted), unsafe.Offsetof(goDue.Adopted)},
		{"due.reason", unsafe.Offsetof(due.reason), unsafe.Offsetof(goDue.Reason)},
		{"due.number", unsafe.Offsetof(due.number), unsafe.Offsetof(goDue.Number)},
		{"DUE_CAPACITY", C.DUE_CAPACITY, runtime.DueCapacity},
		{"shared", unsafe.Sizeof(shared), unsafe.Sizeof(mirror)},
		{"shared.stop", unsafe.Offsetof(shared.stop), unsafe.Offsetof(mirror.Stop)},
		{"shared.armed_first", unsafe.Offsetof(shared.armed_first), unsafe.Offsetof(mirror.ArmedFirst)},
		{"shared.now_first", unsafe.Offsetof(shared.now_first), unsafe.Offsetof(mirror.NowFirst)},
		{"shared.next_first", unsafe.Offsetof(shared.next_first), unsafe.Offsetof(mirror.NextFirst)},
		{"shared.host", unsafe.Offsetof(shared.host), unsafe.Offsetof(mirror.HostFirst)},
		{"shared.main", unsafe.Offsetof(shared.main), unsafe.Offsetof(mirror.Main)},
		{"shared.tasks", unsafe.Offsetof(shared.tasks), unsafe.Offsetof(mirror.Tasks)},
		{"shared.callback_quota", unsafe.Offsetof(shared.callback_quota), unsafe.Offsetof(mirror.CallbackQuota)},
		{"shared.interrupted", unsafe.Offsetof(shared.interrupted), unsafe.Offsetof(mirror.Interrupted)},
		{"shared.posted_count", unsafe.Offsetof(shared.posted_count), unsafe.Offsetof(mirror.PostedCount)},
		{"shared.timer_slack", unsafe.Offsetof(shared.timer_slack), unsafe.Offsetof(mirror.TimerSlack)},
		{"shared.call_result", unsafe.Offsetof(shared.call_result), unsafe.Offsetof(mirror.CallResult)},
		{"shared.living", unsafe.Offsetof(shared.living), unsafe.Offsetof(mirror.Living)},
		{"shared.sleeps", unsafe.Offsetof(shared.sleeps), unsafe.Offsetof(mirror.Sleeps)},
		{"STOP_CALL", C.STOP_CALL, uintptr(runtime.StopCall)},
	} {
		if f.c != f.go_ {
			return errors.New(f.name + ": C says " + strconv.Itoa(int(f.c)) + ", Go says " + strconv.Itoa(int(f.go_)))
		}
	}
	return nil
}
