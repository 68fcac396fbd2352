// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"testing"
)

func TestATickBeginsWithCallbacksThenWhatIsDueThenWhoIsLeft(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.sleepUntil(2000), w.note("deadline"))
	w.spawn(w.waitFD(7, in, Forever), w.note("descriptor"))
	w.settle()
	w.spawn(w.yields, w.note("left over"))
	w.tick()
	w.queue.post(func() { w.log = append(w.log, "callback") })
	w.poller.becomes(7, in)
	w.clock = 2000
	w.tick()
	w.mustLog("callback descriptor deadline left over")
}

func TestWhoIsWokenJoinsTheTickAndWhoYieldsTheNext(t *testing.T) {
	w := newWorld(t)
	waiter := w.spawn(w.sleepUntil(Forever), w.note("woken"))
	w.tick()
	w.spawn(w.signal(waiter), w.yields, w.note("yielded"))
	w.tick()
	w.mustLog("woken")
	w.tick()
	w.mustLog("yielded")
}

func TestATickStartsNoMoreCallbacksThanItsBudget(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		w.queue.post(func() { w.log = append(w.log, fmt.Sprint(i)) })
	}
	w.tick()
	w.mustLog("0 1 2 3")
	w.tick()
	w.mustLog("4 5 6 7")
	w.tick()
	w.mustLog("8 9")
	must(t, "quota", w.shared.CallbackQuota, 0)
}

func TestACallbackThatIsPostedByOneWaitsForTheNextTick(t *testing.T) {
	w := newWorld(t)
	w.queue.post(func() { w.queue.post(func() { w.log = append(w.log, "second") }) })
	w.tick()
	w.mustLog("")
	w.tick()
	w.mustLog("second")
}

// ---- Drive ----

func TestDriveReturnsWhenMainIsReady(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.sleepUntil(1500), w.note("before"))
	late := w.spawn(w.sleepUntil(2200), w.note("after"))
	must(t, "reason", w.mainWaits(0, 0, 2000), errTimedOut)
	must(t, "clock", w.clock, 2000)
	w.mustLog("before")
	late.mustBe(waiting)

	w.poller.becomes(7, out)
	must(t, "reason", w.mainWaits(7, out, 2200), Woken)
	must(t, "clock", w.clock, 2000)
	w.mustLog("")
	must(t, "reason", w.mainWaits(0, 0, 3000), errTimedOut)
	w.mustLog("after")
}

func TestMainGoesOnInItsTurnAndTheTickAfterIt(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.sleepUntil(2000), w.note("first"))
	w.tick()
	main := w.spawned[0]
	w.wait(main, 0, 0, 2000)
	w.spawn(w.note("spawned"), w.sleepUntil(2000), w.note("last"))
	w.s.Drive()
	w.mustLog("spawned first")
	ticks := w.shared.Ticks.Load()
	must(t, "reason", w.mainWaits(0, 0, 2000), errTimedOut) // the tick has a task left; the next has main
	w.mustLog("last")
	must(t, "ticks", w.shared.Ticks.Load(), ticks+1)
}

func TestAYieldOfMainLetsEveryOtherTaskRunOnce(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.note("a"), w.yields, w.note("b"), w.yields, w.note("c"))
	w.spawn(w.note("d"))
	w.mainYields()
	w.mustLog("a d")
	w.mainYields()
	w.mustLog("b")
	w.mainYields()
	w.mustLog("c")
	must(t, "sleeps", w.shared.Sleeps.Load(), 0)
}

func TestACallWhileMainIsAwayIsServedInTheSameTick(t *testing.T) {
	w := newWorld(t)
	var adopted int64 = 1
	w.spawn(w.calls(callAdopt, 7, 4711, &adopted))
	w.mainYields()
	must(t, "adopt", adopted, 0)
	must(t, "ticks", w.shared.Ticks.Load(), 1)
}

// ---- Sleeping ----

func TestNothingBlocksWhileSomethingIsReady(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.yields, w.yields, w.yields)
	w.spawn(w.waitFD(7, in, Forever))
	w.at(5000, func() { w.poller.becomes(7, in) })
	must(t, "reason", w.mainWaits(0, 0, 4000), errTimedOut)
	must(t, "sleeps", fmt.Sprint(w.poller.waits), "[3000]")
	must(t, "reason", w.mainWaits(0, 0, 6000), errTimedOut)
	must(t, "sleeps", fmt.Sprint(w.poller.waits), "[3000 2000 1000]")
	must(t, "counted", w.shared.Sleeps.Load(), 3)
}

func TestAWaitWithoutADeadlineBlocksForEver(t *testing.T) {
	w := newWorld(t)
	w.at(1<<40, func() { w.poller.becomes(7, in) })
	must(t, "reason", w.mainWaits(7, in, Forever), Woken)
	must(t, "sleeps", fmt.Sprint(w.poller.waits), "[-1]")
}

func TestACallbackEndsASleep(t *testing.T) {
	w := newWorld(t)
	w.at(1500, func() { w.queue.post(func() { w.log = append(w.log, fmt.Sprint("at ", w.clock)) }) })
	must(t, "reason", w.mainWaits(0, 0, 3000), errTimedOut)
	w.mustLog("at 1500")
	must(t, "sleeps", fmt.Sprint(w.poller.waits), "[2000 1500]")
}

func TestACallbackPostedOnTheWayToSleepPreventsIt(t *testing.T) {
	w := newWorld(t)
	w.queue.before = func() { w.queue.post(func() { w.log = append(w.log, fmt.Sprint("at ", w.clock)) }) }
	must(t, "reason", w.mainWaits(0, 0, 3000), errTimedOut)
	w.mustLog("at 1000")
	must(t, "written", w.poller.wasWoken(), false) // there was no need
}

func TestNobodyIsAskedToWriteWhileTheSchedulerIsAwake(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.sleepUntil(2000), func(*task) { must(t, "asleep", w.queue.asleep, false) })
	must(t, "reason", w.mainWaits(0, 0, 3000), errTimedOut)
	must(t, "asleep", w.queue.asleep, false)
}

func TestMemoryIsGivenBackBeforeALongSleepAndInSlices(t *testing.T) {
	w := newWorld(t)
	w.poller.trims = 3
	must(t, "reason", w.mainWaits(0, 0, start+trimAfter), errTimedOut) // not long enough
	must(t, "slices left", w.poller.trims, 3)
	w.poller.waits = w.poller.waits[:0]
	w.queue.post(func() { must(t, "slices left", w.poller.trims, 3) })
	must(t, "reason", w.mainWaits(0, 0, w.clock+trimAfter+1), errTimedOut)
	must(t, "slices left", w.poller.trims, 0)
	must(t, "sleeps", fmt.Sprint(w.poller.waits), fmt.Sprint([]int64{trimAfter + 1}))
}

func TestACrowdThatATickCannotTakeIsNotKeptWaiting(t *testing.T) {
	w := newWorld(t)
	for range 3 * DueCapacity {
		w.spawn(w.sleepUntil(2000))
	}
	w.settle()
	must(t, "reason", w.mainWaits(0, 0, 2000), errTimedOut)
	must(t, "clock", w.clock, 2000)
}

// ---- What threads leave ----

func TestWhatArrivesEndsTheSleep(t *testing.T) {
	w := newWorld(t)
	w.at(1500, w.arrive)
	must(t, "reason", w.mainWaits(0, 0, 3000), Woken)
	must(t, "clock", w.clock, 1500)
}

func TestWhatArrivesOnTheWayToSleepPreventsIt(t *testing.T) {
	w := newWorld(t)
	w.queue.before = w.arrive
	must(t, "reason", w.mainWaits(0, 0, 3000), Woken)
	must(t, "clock", w.clock, start)
}

func TestWhatArrivesIsTakenInsteadOfSleeping(t *testing.T) {
	w := newWorld(t)
	w.arrive()
	must(t, "reason", w.mainWaits(0, 0, 3000), Woken)
	must(t, "clock", w.clock, start)
	must(t, "sleeps", w.shared.Sleeps.Load(), 0)
}

// ---- Interrupts ----

func TestAnInterruptEndsTheWaitOfMain(t *testing.T) {
	w := newWorld(t)
	w.at(1500, w.interrupt)
	must(t, "reason", w.mainWaits(0, 0, 3000), errInterrupted)
	must(t, "clock", w.clock, 1500)
	must(t, "reason", w.mainWaits(0, 0, 3000), errTimedOut) // once
}

func TestAnInterruptIsKeptForTheNextWait(t *testing.T) {
	w := newWorld(t)
	w.interrupt()
	w.interrupt()
	w.mainYields() // is no wait
	must(t, "reason", w.mainWaits(0, 0, 3000), errInterrupted)
	must(t, "clock", w.clock, start)
	must(t, "reason", w.mainWaits(0, 0, 3000), errTimedOut)
}

func TestAnInterruptOnTheWayToSleepPreventsIt(t *testing.T) {
	w := newWorld(t)
	w.queue.before = w.interrupt
	must(t, "reason", w.mainWaits(0, 0, 3000), errInterrupted)
	must(t, "clock", w.clock, start)
}

func TestAnInterruptThatComesTooLateForAWaitIsKeptForTheNext(t *testing.T) {
	for name, wake := range map[string]func(w *world){
		"readiness": func(w *world) { w.poller.becomes(7, in) },
		"a callback": func(w *world) {
			w.queue.post(func() { w.spawned[0].block.Wait.Events = in; w.wake(w.spawned[0], Woken) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.at(1500, func() {
				wake(w)
				w.interrupt()
			})
			must(t, "reason", w.mainWaits(7, in, Forever), Woken)
			w.poller.becomes(7, 0)
			must(t, "reason", w.mainWaits(7, in, 2000), errInterrupted)
			must(t, "reason", w.mainWaits(7, in, 2000), errTimedOut)
		})
	}
}

func TestASignalThatEndsASystemCallEndsNoWait(t *testing.T) {
	w := newWorld(t)
	w.at(1500, func() { w.poller.signalled = true })
	must(t, "reason", w.mainWaits(0, 0, 3000), errTimedOut)
	must(t, "sleeps", fmt.Sprint(w.poller.waits), "[2000 1500]")
}

// ---- The end ----

func TestDrainEndsWhenNothingIsLeftToRun(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.queue.post(func() { w.log = append(w.log, ".") })
	}
	w.spawn(w.yields, w.yields, w.yields, w.yields, w.yields, w.yields, w.yields)
	w.s.Drain(Forever, 0)
	must(t, "callbacks", len(w.log), 20)
	must(t, "clock", w.clock, start)
}

func TestDrainEndsWhatWaitsInACrowd(t *testing.T) {
	w := newWorld(t)
	for range 3 * DueCapacity {
		w.spawn(w.waitFD(7, in, Forever))
	}
	w.settle()
	w.call(callWakeFD, 7, 0)
	w.s.Drain(Forever, 0)
}

func TestDrainGivesUpAtItsDeadline(t *testing.T) {
	w := newWorld(t)
	turns := 0
	stubborn := w.spawnBody(func(t *task) {
		turns++
		w.clock += 100
		w.yield(t)
	})
	w.s.Drain(2000, 0)
	must(t, "clock", w.clock, 2000)
	must(t, "turns", turns, 10)
	w.s.Drain(Now, 0)
	must(t, "turns", turns, 11)
	w.end(stubborn)
}

func TestATickWithCallbacksAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	ran := 0
	callback := func() { ran++ }
	must(t, "allocations", testing.AllocsPerRun(100, func() {
		for range w.shared.CallbackBudget {
			w.queue.post(callback)
		}
		w.tick()
	}), 0)
	must(t, "callbacks", ran, 101*int(w.shared.CallbackBudget))
}

func TestATickCallAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	var answer int64
	var steps int
	task := w.spawnBody(func(t *task) {
		if steps++; steps%3 == 0 {
			w.yield(t)
			return
		}
		w.shared.CallOperation, w.shared.CallA, w.shared.CallB = callAdopt, 7, 4711
		if steps%3 == 2 {
			w.shared.CallOperation = callRelease
		}
		w.calling, t.answer = t, &answer
	})
	must(t, "allocations", testing.AllocsPerRun(100, w.tick), 0)
	must(t, "answer", answer, 0)
	w.end(task)
}
