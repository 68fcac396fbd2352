// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"math"
	"slices"
	"syscall"
	"testing"

	"cothread/poll"
)

const (
	in  = poll.Readable
	out = poll.Writable
)

func TestATaskWakesWhenItsDescriptorIsReady(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	w.poller.becomes(7, out)
	w.settle()
	reader.mustBe(waiting)

	w.poller.becomes(7, in|out|poll.Hangup)
	w.settle()
	reader.mustHave(Woken, in|poll.Hangup)
	must(t, "registered", w.poller.Registered(), 0)
}

func TestEachWaiterOfADescriptorGetsItsOwnBits(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever), w.note("read"))
	writer := w.spawn(w.waitFD(7, out, Forever), w.note("write"))
	both := w.spawn(w.waitFD(7, in|out, Forever), w.note("both"))
	late := w.spawn(w.waitFD(7, in, Forever), w.note("late"))
	w.settle()
	w.tick()
	must(t, "descriptors", w.shared.Descriptors.Load(), 1)

	w.poller.becomes(7, out)
	w.settle()
	w.mustLog("write both")
	writer.mustHave(Woken, out)
	both.mustHave(Woken, out)
	reader.mustBe(waiting)

	w.poller.becomes(7, in|out) // the rest was armed again, and for no more than it wants
	w.settle()
	w.mustLog("read late")
	reader.mustHave(Woken, in)
	late.mustHave(Woken, in)
}

func TestAnErrorOfADescriptorWakesEveryWaiter(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever))
	writer := w.spawn(w.waitFD(7, out, Forever))
	w.settle()
	w.poller.becomes(7, poll.Error)
	w.settle()
	reader.mustHave(Woken, poll.Error)
	writer.mustHave(Woken, poll.Error)
}

func TestADescriptorThatCannotBeWaitedForIsToldAtOnce(t *testing.T) {
	for err, reason := range map[error]int32{
		poll.ErrBadDescriptor: errBadDescriptor,
		poll.ErrLimit:         errLimit,
		poll.ErrExists:        errExists,
		syscall.EIO:           errSystem,
		poll.ErrAlwaysReady:   Woken,
	} {
		w := newWorld(t)
		w.poller.numbers[7].broken = err
		task := w.spawn(w.waitFD(7, in|out, 5000))
		w.settle()
		task.mustBe(ended)
		bits := uint32(0)
		if reason == Woken {
			bits = in | out
		}
		task.mustHave(reason, bits)
		must(t, "clock", w.clock, start)
	}
}

func TestAFileThatIsAlwaysReadyHasNoErrorToWaitFor(t *testing.T) {
	w := newWorld(t)
	w.poller.numbers[7].broken = poll.ErrAlwaysReady
	timed := w.spawn(w.waitFD(7, poll.Error, start+5000))
	closed := w.spawn(w.waitFD(7, poll.Error, Forever))
	reader := w.spawn(w.waitFD(7, in|poll.Error, Forever))
	w.settle()
	reader.mustHave(Woken, in)
	w.advanceTo(start + 5000)
	timed.mustHave(errTimedOut, 0)
	var woken int64
	w.spawn(w.calls(callWakeFD, 7, 0, &woken))
	w.settle()
	must(t, "woken", woken, 1)
	closed.mustHave(errClosed, 0)
}

func TestAnArmThatFailsReachesEveryWaiter(t *testing.T) {
	w := newWorld(t)
	first := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	w.poller.numbers[7].broken = poll.ErrBadDescriptor // it was closed
	second := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	first.mustHave(errBadDescriptor, 0)
	second.mustHave(errBadDescriptor, 0)
}

func TestAnInventedNumberCostsNoMemory(t *testing.T) {
	w := newWorld(t)
	task := w.spawn(w.waitFD(math.MaxInt32, in, Forever))
	w.settle()
	task.mustHave(errBadDescriptor, 0)
	must(t, "descriptors known", len(w.s.descriptors.numbers), 0)
}

func TestReadinessWinsOverTheDeadlineOfItsTick(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, 2000))
	w.settle()
	w.poller.becomes(7, in)
	w.advanceTo(2000)
	reader.mustHave(Woken, in)
	must(t, "wakes", reader.wakes, 1)
}

func TestASignalOfACallbackWinsOverTheDeadlineOfItsTick(t *testing.T) {
	w := newWorld(t)
	waiter := w.spawn(w.sleepUntil(2000))
	w.settle()
	w.queue.post(func() { w.signal(waiter)(nil) })
	w.advanceTo(2000)
	waiter.mustHave(Woken, 0)
	must(t, "wakes", waiter.wakes, 1)
}

func TestAReportForAWaitThatIsOverIsDropped(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever), w.sleepUntil(2000), w.waitFD(7, out, 3000), w.note("over"))
	w.settle()
	w.wake(reader, errTimedOut) // by a cancel: the tick half is not told
	w.settle()
	w.poller.becomes(7, in)
	w.settle()
	must(t, "wakes", reader.wakes, 1)
	w.advanceTo(2000)
	must(t, "wakes", reader.wakes, 2)
	w.settle() // what it waited for before is not what it waits for now
	reader.mustBe(waiting)
	w.advanceTo(3000)
	reader.mustHave(errTimedOut, 0)
	w.mustLog("over")
}

func TestAReportOfAnEarlierArmIsDropped(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	early := w.poller.numbers[7].token
	writer := w.spawn(w.waitFD(7, out, Forever))
	w.settle()
	w.s.descriptors.report(early, in|out)
	w.s.descriptors.report(token(70_000, 1), in) // of a number nobody waited for
	w.settle()
	reader.mustBe(waiting)
	writer.mustBe(waiting)
	w.poller.becomes(7, in|out)
	w.settle()
}

func TestWakeEndsEveryWaitOnADescriptor(t *testing.T) {
	w := newWorld(t)
	before := w.spawn(w.waitFD(7, in, Forever))
	other := w.spawn(w.waitFD(8, in, Forever))
	w.settle()
	var first, second, nobody, invented int64
	same := w.spawn(w.waitFD(7, out, 9000)) // in the tick of the call
	w.spawn(w.calls(callWakeFD, 7, 0, &first), w.calls(callWakeFD, 7, 0, &second),
		w.calls(callWakeFD, 9, 0, &nobody), w.calls(callWakeFD, -1, 0, &invented))
	w.settle()
	must(t, "woken", fmt.Sprint(first, second, nobody, invented), "2 0 0 0")
	before.mustHave(errClosed, 0)
	same.mustHave(errClosed, 0)
	other.mustBe(waiting)
	must(t, "registered", w.poller.Registered(), 1)
	w.poller.becomes(8, in)
	w.settle()
}

func TestAWaitThatTimedOutLeavesNoRegistration(t *testing.T) {
	w := newWorld(t)
	var adopted int64 = 1
	reader := w.spawn(w.waitFD(7, in, 2000), w.calls(callAdopt, 7, 4711, &adopted))
	w.settle()
	must(t, "registered", w.poller.Registered(), 1)
	w.advanceTo(2000)
	reader.mustHave(errTimedOut, 0)
	must(t, "adopt", adopted, 0)
	must(t, "registered", w.poller.Registered(), 1)

	lone := w.spawn(w.waitFD(8, in, 3000))
	w.advanceTo(3000)
	lone.mustBe(ended)
	w.tick()
	must(t, "registered", w.poller.Registered(), 1) // of 7
	must(t, "descriptors", w.shared.Descriptors.Load(), 1)
}

func TestAWaitThatTimedOutLeavesTheOthersArmed(t *testing.T) {
	w := newWorld(t)
	short := w.spawn(w.waitFD(7, in|out, 2000))
	long := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	w.advanceTo(2000)
	short.mustHave(errTimedOut, 0)
	w.poller.becomes(7, out)
	w.settle()
	long.mustBe(waiting)
	w.poller.becomes(7, in)
	w.settle()
	long.mustHave(Woken, in)
}

func TestADescriptorWhoseWaiterWasCancelledCanBeAdopted(t *testing.T) {
	w := newWorld(t)
	var adopted, busy int64 = 1, 1
	reader := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	w.wake(reader, errClosed)
	w.spawn(w.calls(callAdopt, 7, 4711, &adopted))
	w.settle()
	must(t, "adopt", adopted, 0)

	waits := w.spawn(w.waitFD(8, in, Forever))
	w.spawn(w.calls(callAdopt, 8, 4712, &busy))
	w.settle()
	must(t, "adopt of what is waited for", busy, errExists)
	w.poller.becomes(8, in)
	w.settle()
	waits.mustHave(Woken, in)
}

func TestTickCallsAnswerInTheMiddleOfATurn(t *testing.T) {
	w := newWorld(t)
	var adopted, twice, bad, regular, drained, released, again int64 = 1, 1, 1, 1, 1, 1, 1
	w.poller.numbers[9].broken = poll.ErrAlwaysReady
	w.spawn(
		w.calls(callAdopt, 7, 4711, &adopted),
		w.calls(callAdopt, 7, 4712, &twice),
		w.calls(callAdopt, numbers, 4713, &bad),
		w.calls(callAdopt, 9, 4714, &regular),
		w.calls(callDrained, 7, in, &drained),
		w.note("first"))
	w.spawn(w.note("second"))
	w.settle()
	w.mustLog("first second") // nothing else ran in between
	must(t, "answers", fmt.Sprint(adopted, twice, bad, regular, drained),
		fmt.Sprint(0, errExists, errBadDescriptor, errInvalid, 0))
	must(t, "drained", fmt.Sprint(w.poller.drained), fmt.Sprint([]int64{7, in}))

	w.poller.becomes(7, in)
	w.settle()
	w.mustLog("adopted4711:0x1")

	w.spawn(w.calls(callRelease, 7, 4711, &released), w.calls(callRelease, 7, 4711, &again))
	w.settle()
	must(t, "answers", fmt.Sprint(released, again), fmt.Sprint(0, errSystem))
	must(t, "ticks without a wait", w.s.ready(), false)
}

func TestACrowdOnOneDescriptorWakesInOrder(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"ready":  func(w *world) { w.poller.becomes(7, in) },
		"closed": func(w *world) { w.spawn(w.calls(callWakeFD, 7, 0, new(int64))) },
		"broken": func(w *world) {
			w.poller.numbers[7].broken = poll.ErrBadDescriptor
			last := len(w.spawned)
			w.spawn(w.waitFD(7, in, Forever), func(*task) { w.log = append(w.log, fmt.Sprint(last)) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			const count = 2*DueCapacity + 9
			w := newWorld(t)
			var got []int
			for i := range count {
				w.spawn(w.waitFD(7, in, Forever), func(*task) { got = append(got, i) })
			}
			w.settle()
			end(w)
			w.settle()
			must(t, "wakes", len(got), count)
			if !slices.IsSorted(got) {
				t.Fatal("out of order")
			}
		})
	}
}

func TestMoreReportsThanAWaitTakesAreNotLost(t *testing.T) {
	const count = 1000
	w := newWorld(t)
	for fd := range count {
		w.spawn(w.waitFD(fd, in, Forever))
	}
	w.settle()
	for fd := range count {
		w.poller.becomes(fd, in)
	}
	for range 1 + count/len(w.s.events) {
		w.tick()
	}
	must(t, "registered", w.poller.Registered(), 0)
}

func TestWaitsForDescriptorsAllocateNothing(t *testing.T) {
	w := newWorld(t)
	var tasks []*task
	for fd := range 50 {
		for range 2 {
			tasks = append(tasks, w.spawnBody(func(t *task) { w.wait(t, fd, in, w.clock+1_000_000) }))
		}
	}
	w.settle()
	must(t, "allocations", testing.AllocsPerRun(1000, func() {
		w.clock += 100_000
		for fd := range 50 {
			w.poller.becomes(fd, in)
		}
		w.tick()
	}), 0)
	for _, task := range tasks {
		if task.wakes < 1000 {
			t.Fatalf("%s woke %d times", task.name, task.wakes)
		}
		w.end(task)
	}
}
