// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"math"
	"math/rand/v2"
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

func TestAReportWakesTheFirstTaskOfEachDirection(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever), w.note("read"))
	w.spawn(w.waitFD(7, out, Forever), w.note("write"))
	both := w.spawn(w.waitFD(7, in|out, Forever), w.note("both"))
	urgent := w.spawn(w.waitFD(7, poll.Priority|in, Forever), w.note("urgent"))
	w.spawn(w.waitFD(7, in, Forever), w.note("late"))
	w.tick()
	w.tick()
	must(t, "descriptors", w.shared.Descriptors.Load(), 1)

	w.poller.becomes(7, out)
	w.tick()
	w.mustLog("write")
	w.tick() // there is room for more
	w.mustLog("both")
	both.mustHave(Woken, out)
	w.settle()
	reader.mustBe(waiting)

	w.poller.becomes(7, in|out|poll.Priority)
	w.tick()
	w.mustLog("read urgent")
	urgent.mustHave(Woken, poll.Priority)
	w.tick()
	w.mustLog("late")
	must(t, "registered", w.poller.Registered(), 0)
}

func TestATaskThatIsFirstForTwoDirectionsGetsBoth(t *testing.T) {
	w := newWorld(t)
	both := w.spawn(w.waitFD(7, in|out, Forever))
	behind := w.spawn(w.waitFD(7, in|out, Forever))
	w.settle()
	w.poller.becomes(7, in|out)
	w.tick()
	both.mustHave(Woken, in|out)
	behind.mustBe(waiting)
	w.tick()
	behind.mustHave(Woken, in|out)
}

func TestHangupAndErrorWakeEveryone(t *testing.T) {
	for bits, second := range map[uint32]uint32{
		poll.Error:       poll.Error,
		in | poll.Error:  poll.Error, // only the first may read without blocking
		in | poll.Hangup: in | poll.Hangup,
	} {
		w := newWorld(t)
		first := w.spawn(w.waitFD(7, in, Forever), w.note("first"))
		writer := w.spawn(w.waitFD(7, out, Forever), w.note("writer"))
		next := w.spawn(w.waitFD(7, in|poll.Priority, Forever), w.note("next"))
		watcher := w.spawn(w.waitFD(7, poll.Error, Forever), w.note("watcher"))
		w.settle()
		w.poller.becomes(7, bits)
		w.tick()
		w.mustLog("first writer next watcher")
		first.mustHave(Woken, bits)
		writer.mustHave(Woken, bits&^in)
		next.mustHave(Woken, second)
		watcher.mustHave(Woken, bits&^in)
		must(t, "registered", w.poller.Registered(), 0)
	}
}

func TestReadHangupWakesThoseWhoAsked(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever), w.note("reader"))
	asks := w.spawn(w.waitFD(7, in|poll.ReadHangup, Forever), w.note("asks"))
	other := w.spawn(w.waitFD(7, in, 2000), w.note("other"))
	also := w.spawn(w.waitFD(7, poll.ReadHangup, Forever), w.note("also"))
	w.settle()
	w.poller.becomes(7, in|poll.ReadHangup)
	w.tick()
	w.mustLog("reader asks also")
	reader.mustHave(Woken, in)
	asks.mustHave(Woken, poll.ReadHangup)
	also.mustHave(Woken, poll.ReadHangup)
	other.mustBe(waiting)
	w.settle()
	other.mustHave(Woken, in)
}

// Whatever becomes of the task that was woken, the next look reports what is left.

func TestATaskCancelledWhileItIsDueLeavesTheReportToTheNext(t *testing.T) {
	for name, otherwise := range map[string]int32{"cancelled": errClosed, "woken by something else": Woken} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.spawn(w.waitFD(7, in, Forever), w.note("first"))
			second := w.spawn(w.waitFD(7, in, Forever), w.note("second"))
			w.settle()
			w.poller.becomes(7, in)
			w.queue.post(func() {
				first.block.Wait.Events = 0
				w.wake(first, otherwise)
			})
			w.tick()
			w.mustLog("first")
			first.mustHave(otherwise, 0)
			second.mustBe(waiting)
			w.tick()
			w.mustLog("second")
			second.mustHave(Woken, in)
		})
	}
}

func TestAReportThatFindsNoRoomIsNotLost(t *testing.T) {
	w := newWorld(t)
	for range 2*DueCapacity + 1 {
		w.spawn(w.waitFD(8, in, Forever))
	}
	reader := w.spawn(w.waitFD(7, in, Forever))
	everyone := []*task{w.spawn(w.waitFD(9, in, Forever)), w.spawn(w.waitFD(9, out, Forever))}
	w.settle()
	w.poller.becomes(7, in)
	w.poller.becomes(9, poll.Hangup)
	var woken int64
	w.spawn(w.calls(callWakeFD, 8, 0, &woken))
	w.settle()
	must(t, "woken", woken, 2*DueCapacity+1)
	reader.mustHave(Woken, in)
	for _, task := range everyone {
		task.mustHave(Woken, poll.Hangup)
	}
}

func TestAHostTaskThatHasNotRunHoldsTheNextBack(t *testing.T) {
	for name, goes := range map[string]func(w *world, first *task){
		"withdrawn": func(w *world, first *task) { w.withdraw(first) },
		"batched":   func(w *world, _ *task) { w.batch() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newHosted(t)
			first, second, writer := w.spawnHost(), w.spawnHost(), w.spawnHost()
			w.hostWaits(first, 7, in, Forever)
			w.hostWaits(second, 7, in, Forever)
			w.hostWaits(writer, 7, out, Forever)
			w.poller.becomes(7, in)
			for range 3 {
				w.s.Poll(Now) // its batch is full of others
			}
			first.mustBe(ready)
			second.mustBe(waiting)
			w.poller.becomes(7, in|out)
			w.s.Poll(Now)
			second.mustBe(waiting)
			writer.mustBe(ready)
			goes(w, first)
			w.s.Poll(Now)
			second.mustBe(ready)
			w.batch()
			for _, task := range []*task{first, second, writer} {
				w.end(task)
			}
		})
	}
}

func TestAHangupTellsEveryoneAll(t *testing.T) {
	w := newHosted(t)
	first, second := w.spawnHost(), w.spawnHost()
	w.hostWaits(first, 7, in, Forever)
	w.hostWaits(second, 7, in, Forever)
	w.poller.becomes(7, in)
	w.s.Poll(Now) // the first is in no batch yet, but after a hangup no read blocks
	w.poller.becomes(7, in|poll.Hangup)
	w.s.Poll(Now)
	w.batch()
	first.mustHave(Woken, in)
	second.mustHave(Woken, in|poll.Hangup)
	w.end(first)
	w.end(second)
}

func TestTasksAreServedInTheOrderInWhichTheirWaitsBegan(t *testing.T) {
	w := newWorld(t)
	first := w.spawn(w.waitFD(7, in, Forever), w.waitFD(7, in, Forever), w.note("first"))
	w.spawn(w.waitFD(7, in, Forever), w.note("second"))
	w.spawn(func(*task) { w.wake(first, errClosed) }) // which waits again, in the same tick, behind the second
	w.tick()
	w.poller.becomes(7, in)
	w.settle()
	w.mustLog("second first")
}

func TestWaitsOfATickShareOneArm(t *testing.T) {
	w := newWorld(t)
	var tasks []*task
	for range 1000 {
		tasks = append(tasks, w.spawn(w.waitFD(7, in, Forever)))
	}
	w.settle()
	must(t, "arms", w.poller.arms, 2) // one of them asked whether the number is worth memory
	for _, task := range tasks {
		w.wake(task, errClosed)
	}
	w.settle()
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

func TestWakeReachesWhatIsDue(t *testing.T) {
	w := newWorld(t)
	closed := w.spawn(w.waitFD(7, in, Forever), w.note("closed"))
	behind := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	w.poller.becomes(7, in)
	var woken, again int64
	w.queue.post(func() { // before what is due
		woken = w.call(callWakeFD, 7, 0)
		again = w.call(callWakeFD, 7, 0)
	})
	w.tick()
	w.settle()
	must(t, "woken", fmt.Sprint(woken, again), "2 0")
	closed.mustHave(errClosed, 0)
	behind.mustHave(errClosed, 0)
	must(t, "wakes", closed.wakes, 1)
}

func TestWakeReachesATaskThatIsReadyAndHasNotRun(t *testing.T) {
	w := newWorld(t)
	var woken, again int64
	w.spawn(w.waitFD(6, in, Forever), w.calls(callWakeFD, 7, 0, &woken), w.calls(callWakeFD, 7, 0, &again))
	closed := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	w.poller.becomes(6, in)
	w.poller.becomes(7, in)
	w.settle()
	must(t, "woken", fmt.Sprint(woken, again), "1 0")
	closed.mustHave(errClosed, 0)
}

func TestWakeLeavesATaskAloneThatHasRun(t *testing.T) {
	for name, then := range map[string]func(*world) func(*task){
		"and yields":          func(w *world) func(*task) { return w.yields },
		"and waits elsewhere": func(w *world) func(*task) { return w.waitFD(8, in, 2000) },
		"and sleeps":          func(w *world) func(*task) { return w.sleepUntil(2000) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var woken int64 = 9
			w.spawn(w.waitFD(6, in, Forever), then(w))
			w.spawn(w.waitFD(7, in, Forever), w.calls(callWakeFD, 6, 0, &woken))
			w.settle()
			w.poller.becomes(6, in)
			w.poller.becomes(7, in)
			w.advanceTo(2000)
			must(t, "woken", woken, 0)
		})
	}
}

func TestWakeLeavesATaskAloneThatWasCancelled(t *testing.T) {
	w := newWorld(t)
	reader := w.spawn(w.waitFD(7, in, Forever))
	w.settle()
	w.poller.becomes(7, in)
	var woken int64 = 9
	w.queue.post(func() {
		w.wake(reader, errTimedOut)
		woken = w.call(callWakeFD, 7, 0)
	})
	w.settle()
	must(t, "woken", woken, 0)
	reader.mustHave(errTimedOut, 0)
}

func TestWakeReachesAHostTaskUntilItsEntryIsInTheBatch(t *testing.T) {
	w := newHosted(t)
	before, after := w.spawnHost(), w.spawnHost()
	w.hostWaits(before, 7, in, Forever)
	w.hostWaits(after, 8, in, Forever)
	w.poller.becomes(7, in)
	w.s.Poll(Now)
	must(t, "woken", w.call(callWakeFD, 7, 0), 1)
	must(t, "batch", w.batch(), "task 1:-13 ")
	w.poller.becomes(8, in)
	must(t, "batch", w.poll(Now), "task 2:0 ")
	must(t, "woken", w.call(callWakeFD, 8, 0), 0)
	after.mustHave(Woken, in)
	w.end(before)
	w.end(after)
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
	must(t, "adopt of what is waited for", busy, errBusy)
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
		"hangup": func(w *world) { w.poller.becomes(7, poll.Hangup) },
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

func TestAQueueLooksAtEachEntryAFewTimes(t *testing.T) {
	const count = 100_000
	for name, over := range map[string]func(living []int) int{ // which one of those in the queue is over next
		"from the front":   func([]int) int { return 0 },
		"from the back":    func(living []int) int { return len(living) - 1 },
		"behind the first": func(living []int) int { return min(1, len(living)-1) },
		"by chance":        func(living []int) int { return rand.IntN(len(living)) },
	} {
		t.Run(name, func(t *testing.T) {
			var q queue
			looks := 0
			waits := make([]Wait, count)
			counts := func(w waiter) bool { looks++; return w.wait.Number == w.number }
			var living []int
			most := 0
			end := func() {
				i := over(living)
				waits[living[i]].Number++
				living = append(living[:i], living[i+1:]...)
			}
			for i := range waits {
				q.push(waiter{&waits[i], 0}, counts)
				living = append(living, i)
				if len(living) > 100 {
					end()
				}
				most = max(most, cap(q.entries))
			}
			for len(living) > 0 {
				if first := q.first(counts); first.wait != &waits[living[0]] {
					t.Fatal("out of order")
				}
				end()
			}
			if q.first(counts) != nil {
				t.Fatal("one is left")
			}
			must(t, "room for a hundred that live", most <= 512, true)
			if looks > 8*count {
				t.Fatalf("%d looks for %d entries", looks, count)
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
		if task.wakes < 500 {
			t.Fatalf("%s woke %d times", task.name, task.wakes)
		}
		w.end(task)
	}
}
