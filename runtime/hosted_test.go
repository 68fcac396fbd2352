// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"testing"

	"cothread/poll"
)

// hostWaits begins a wait of a host task, as a request does; settled by cothread_submit.
func (w *world) hostWaits(t *task, fd int, events uint32, deadline int64) {
	w.wait(t, fd, events, deadline)
	w.s.Settle()
}

// batch takes the ready host tasks, as the end of cothread_poll_scheduler does.
func (w *world) batch() (names string) {
	for t := w.host.first; t != nil; t = t.link {
		t.goOn()
		names += fmt.Sprintf("%s:%d ", t.name, t.reason)
	}
	w.host = list{}
	w.shared.PostedCount = 0
	w.show()
	return names
}

// withdraw ends a host task's wait without an entry in a batch.
func (w *world) withdraw(t *task) {
	var rest list
	for next := w.host.first; next != nil; {
		other := next
		next = next.link
		if other != t {
			rest.append(other)
		}
	}
	w.host = rest
	t.woken = false
	t.goOn()
	t.block.Deadline = Forever
	w.show()
}

// poll is cothread_poll_scheduler.
func (w *world) poll(deadline int64) string {
	w.s.Poll(deadline)
	return w.batch()
}

func TestPollReturnsWhenAHostTaskIsReady(t *testing.T) {
	w := newHosted(t)
	host, never := w.spawnHost(), w.spawnHost()
	w.spawn(w.sleepUntil(1500), w.note("native"), w.sleepUntil(2500), w.note("late"))
	w.hostWaits(host, 7, in, 2000)
	w.hostWaits(never, 0, 0, Forever)
	must(t, "batch", w.poll(Forever), "task 1:-10 ")
	must(t, "clock", w.clock, 2000)
	w.mustLog("native")

	w.hostWaits(host, 7, in, 2600)
	w.at(2200, func() { w.poller.becomes(7, in) })
	must(t, "batch", w.poll(Forever), "task 1:0 ")
	host.mustHave(Woken, in)
	must(t, "batch", w.poll(2500), "")
	w.mustLog("late")
	w.end(host)
	w.end(never)
}

func TestPollReturnsAtItsDeadline(t *testing.T) {
	w := newHosted(t)
	w.spawn(w.sleepUntil(2000))
	must(t, "batch", w.poll(1500), "")
	must(t, "clock", w.clock, 1500)
	for _, past := range []int64{Now, Now + 1, -1, 0, 1500} {
		w.poll(past)
		must(t, "clock", w.clock, 1500)
	}
	must(t, "sleeps", fmt.Sprint(w.poller.waits), "[500]")
	w.poll(2000)
}

func TestAPollThatOnlyLooksRunsOneTick(t *testing.T) {
	w := newHosted(t)
	turns := 0
	task := w.spawnBody(func(t *task) {
		turns++
		w.yield(t)
	})
	w.poll(Now)
	must(t, "turns", turns, 1)
	must(t, "ticks", w.shared.Ticks.Load(), 1)
	w.end(task)
}

func TestPollReturnsAfterManyTicksOfNativeTasks(t *testing.T) {
	w := newHosted(t)
	turns := 0
	task := w.spawnBody(func(t *task) {
		turns++
		w.yield(t)
	})
	w.poll(Forever)
	must(t, "turns", turns, pollRounds)
	w.end(task)
}

func TestPollReturnsForACallbackOfTheHost(t *testing.T) {
	w := newHosted(t)
	w.at(1500, func() { w.queue.post(func() { w.shared.PostedCount++ }) })
	w.poll(Forever)
	must(t, "clock", w.clock, 1500)
}

func TestPollGoesOnAfterACallbackOfNativeCode(t *testing.T) {
	w := newHosted(t)
	w.at(1500, func() { w.queue.post(func() { w.note("callback")(nil) }) })
	w.poll(2000)
	must(t, "clock", w.clock, 2000)
	w.mustLog("callback")
}

func TestPollReturnsForASignalAndForAnInterrupt(t *testing.T) {
	w := newHosted(t)
	w.at(1500, func() { w.poller.signalled = true })
	w.poll(Forever)
	must(t, "clock", w.clock, 1500)

	w.at(1600, w.interrupt)
	w.poll(Forever)
	must(t, "clock", w.clock, 1600)

	w.interrupt() // before: the next one returns
	w.poll(Forever)
	must(t, "clock", w.clock, 1600)
	w.poll(1700)
	must(t, "clock", w.clock, 1700)
}

// ---- A loop that waits for the descriptor ----

// mustShow says whether the loop is told that a poll has something to do.
func (w *world) mustShow(what string, want bool) {
	w.t.Helper()
	must(w.t, what, w.poller.wasWoken(), want)
}

func TestTheDescriptorIsSilentWhileThereIsNothingToDo(t *testing.T) {
	w := newHosted(t)
	must(t, "descriptor", w.s.Embed(), w.poller.Descriptor())
	w.mustShow("at first", false)
	w.poll(Now)
	w.mustShow("after a poll", false)
	must(t, "timer", w.poller.timer, Forever)
	must(t, "next deadline", w.s.NextDeadline(), Forever)
}

func TestTheDescriptorShowsWhatChangesBetweenPolls(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"a native task is woken": func(w *world) { w.wake(w.spawned[1], Woken) },
		"a host task is woken":   func(w *world) { w.wake(w.spawned[2], Woken) },
		"a task is spawned":      func(w *world) { w.spawn() },
		"a callback is posted":   func(w *world) { w.queue.post(func() {}) },
		"an interrupt":           func(w *world) { w.interrupt() },
		"a request that cannot be served": func(w *world) {
			w.poller.numbers[9].broken = poll.ErrBadDescriptor
			w.hostWaits(w.spawned[3], 9, in, Forever)
		},
		"a deadline that passed": func(w *world) {
			w.hostWaits(w.spawned[3], 0, 0, w.clock)
			must(w.t, "timer", w.poller.timer, w.clock)
			w.s.wakeSelf() // as the timer does
		},
		"wake_fd": func(w *world) {
			w.shared.CallOperation, w.shared.CallA = callWakeFD, 7
			w.s.Call()
			must(w.t, "woken", w.shared.CallResult, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHosted(t)
			native := w.spawn(w.waitFD(7, in, Forever))
			host, idle := w.spawnHost(), w.spawnHost()
			w.s.Embed()
			w.poll(Now)
			w.hostWaits(host, 0, 0, Forever)
			w.mustShow("before", false)

			change(w)
			w.mustShow("after", true)
			if name == "an interrupt" {
				w.poll(Forever)
			}
			polls := w.shared.Polls.Load()
			w.poll(Now)
			must(t, "waits, which make the descriptor silent", w.shared.Polls.Load(), polls+1)
			w.mustShow("after the poll", false)

			if native.state == waiting {
				w.wake(native, Woken)
				w.poll(Now)
			}
			w.endAll(host, idle)
		})
	}
}

func (w *world) endAll(tasks ...*task) {
	for _, t := range tasks {
		w.end(t)
	}
}

func TestManyChangesBetweenPollsAreOneWrite(t *testing.T) {
	w := newHosted(t)
	w.s.Embed()
	w.spawn()
	w.mustShow("the first", true)
	w.spawn()
	w.spawn()
	w.mustShow("the others", false)
	w.poll(Now)
}

func TestTheTimerIsWhatPollWaitsFor(t *testing.T) {
	w := newHosted(t)
	w.s.Embed()
	host := w.spawnHost()
	w.hostWaits(host, 0, 0, 5000)
	must(t, "timer", w.poller.timer, 5000)
	must(t, "next deadline", w.s.NextDeadline(), 5000)
	w.spawn(w.sleepUntil(3000))
	must(t, "next deadline", w.s.NextDeadline(), Now)
	w.poll(Now)
	must(t, "timer", w.poller.timer, 3000)
	w.clock = 3000
	w.poll(Now)
	must(t, "timer", w.poller.timer, 5000)
	w.clock = 5000
	must(t, "batch", w.poll(Now), "task 1:-10 ")
	must(t, "timer", w.poller.timer, Forever)
	w.end(host)
}

func TestWhatAPollLeavesUndoneShows(t *testing.T) {
	for name, begin := range map[string]func(w *world){
		"callbacks beyond the budget": func(w *world) {
			for range w.shared.CallbackBudget + 1 {
				w.queue.post(func() {})
			}
		},
		"a task that yields": func(w *world) { w.spawn(w.yields) },
		"deadlines beyond what a tick takes": func(w *world) {
			for range DueCapacity + 1 {
				w.spawn(w.sleepUntil(2000))
			}
			w.poll(Now)
			w.poller.wasWoken()
			w.clock = 2000
		},
		"waits beyond what a tick takes": func(w *world) {
			for range DueCapacity + 1 {
				w.spawn(w.waitFD(7, in, Forever))
			}
			w.poll(Now)
			w.poller.wasWoken()
			w.call(callWakeFD, 7, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHosted(t)
			w.s.Embed()
			begin(w)
			w.poll(Now)
			shows := w.poller.wasWoken() || w.poller.timer <= w.clock
			must(t, "shows after the first poll", shows, true)
			next := w.s.NextDeadline()
			must(t, "something to do", next <= w.clock, true)
			w.poll(Now)
			w.mustShow("after the second poll", false)
			must(t, "next deadline", w.s.NextDeadline(), Forever)
		})
	}
}

func TestPostersWriteOnlyWhileTheHostWaits(t *testing.T) {
	w := newHosted(t)
	w.s.Embed()
	w.spawn(func(*task) { must(t, "asleep", w.queue.asleep, false) })
	must(t, "asleep", w.queue.asleep, true)
	w.poll(Now)
	must(t, "asleep", w.queue.asleep, true)
}
