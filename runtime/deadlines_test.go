// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"
)

func TestSleeperWakesAtItsDeadlineAndNotBefore(t *testing.T) {
	w := newWorld(t)
	sleeper := w.spawn(w.sleepUntil(2000))

	w.advanceTo(1999)
	sleeper.mustBe(waiting)

	w.advanceTo(2000)
	sleeper.mustBe(ended)
	sleeper.mustHave(errTimedOut, 0)
}

func TestSleepersWakeInTheOrderOfTheirDeadlinesAndEqualOnesInTheirOwn(t *testing.T) {
	w := newWorld(t)
	for i, deadline := range []int64{3000, 2000, 3000, 1500, 2000, 3000} {
		w.spawn(w.sleepUntil(deadline), w.note("%d@%d", i, deadline))
	}
	w.advanceTo(start)
	w.mustLog("")

	w.advanceTo(5000)
	w.mustLog("3@1500 1@2000 4@2000 0@3000 2@3000 5@3000")
}

func TestDeadlinesAtBothEndsOfTime(t *testing.T) {
	w := newWorld(t)
	forever := w.spawn(w.sleepUntil(Forever))
	last := w.spawn(w.sleepUntil(Forever - 1))
	for _, past := range []int64{Now, Now + 1, -1, 0, 1, start - 1, start} {
		w.spawn(w.sleepUntil(past), w.note("%d", past))
	}
	w.advanceTo(start)
	// Those before the clock began are one: it cannot tell them apart.
	w.mustLog(fmt.Sprintf("%d %d -1 0 1 999 1000", Now, Now+1))
	forever.mustBe(waiting)
	last.mustBe(waiting)
	must(t, "the next deadline", w.s.NextDeadline(), Forever-1)

	w.advanceTo(Forever - 1)
	last.mustBe(ended)
	forever.mustBe(waiting)
	must(t, "the next deadline", w.s.NextDeadline(), Forever)
	w.spawn(w.signal(forever))
	w.settle()
	forever.mustHave(Woken, 0)
}

func TestALaterDeadlineOfATaskCostsNoEntry(t *testing.T) {
	w := newWorld(t)
	deadline := int64(2000)
	sleeper := w.spawnBody(func(t *task) {
		if t.reason == errTimedOut {
			w.end(t)
			return
		}
		w.wait(t, 0, 0, deadline)
	})
	w.settle()
	for range 100 {
		deadline += 1000
		w.spawn(w.signal(sleeper))
		w.settle()
	}
	must(t, "entries", w.s.deadlines.count, 1)

	w.advanceTo(deadline - 1)
	must(t, "wakes", sleeper.wakes, 100)
	w.advanceTo(deadline)
	must(t, "wakes", sleeper.wakes, 101)
	sleeper.mustBe(ended)
}

func TestAnEarlierDeadlineOfATaskIsMet(t *testing.T) {
	w := newWorld(t)
	sleeper := w.spawn(w.sleepUntil(9000), w.sleepUntil(2000), w.note("early"), w.sleepUntil(9000), w.note("late"))
	w.settle()
	w.spawn(w.signal(sleeper))
	w.settle()
	must(t, "the next deadline", w.s.NextDeadline(), 2000)
	w.advanceTo(2000)
	w.mustLog("early")
	w.advanceTo(8999)
	w.mustLog("")
	w.advanceTo(9000)
	w.mustLog("late")
	must(t, "armed", w.shared.TimersArmed.Load(), 0)
}

func TestEqualDeadlinesAreServedInTheOrderOfTheWaitsNotOfTheEntries(t *testing.T) {
	w := newWorld(t)
	first := w.spawn(w.sleepUntil(2000), w.sleepUntil(2000), w.note("again"))
	w.settle()
	w.spawn(w.sleepUntil(2000), w.note("once"))
	w.settle()
	w.spawn(w.signal(first)) // it waits once more, later than the other
	w.settle()
	w.advanceTo(2000)
	w.mustLog("once again")
}

func TestDeadEntriesDoNotPileUp(t *testing.T) {
	w := newWorld(t)
	deadline := int64(1_000_000)
	sleeper := w.spawnBody(func(t *task) {
		if t.reason == errTimedOut {
			w.end(t)
			return
		}
		w.wait(t, 0, 0, deadline)
	})
	w.settle()
	for range 1000 {
		deadline--
		w.spawn(w.signal(sleeper))
		w.settle()
		if n := w.s.deadlines.count; n > 130 {
			t.Fatalf("%d entries for one task", n)
		}
		must(t, "armed", w.shared.TimersArmed.Load(), 1)
	}
	w.advanceTo(deadline - 1)
	must(t, "wakes", sleeper.wakes, 1000)
	w.advanceTo(deadline)
	must(t, "wakes", sleeper.wakes, 1001)
	w.advanceTo(2_000_000)
	must(t, "entries", w.s.deadlines.count, 0)
	must(t, "armed", w.shared.TimersArmed.Load(), 0)
}

func TestEntriesOfOneTaskForOneTimeAreCountedOnce(t *testing.T) {
	w := newWorld(t)
	// 9000, then 2000 before it, then 9000 again: two entries for 9000, one of them dead.
	sleeper := w.spawn(w.sleepUntil(9000), w.sleepUntil(2000), w.sleepUntil(9000))
	w.settle()
	w.spawn(w.signal(sleeper))
	w.settle()
	w.advanceTo(2000)
	w.tick()
	must(t, "armed", w.shared.TimersArmed.Load(), 1)
	w.advanceTo(9000)
	sleeper.mustBe(ended)
	must(t, "entries", w.s.deadlines.count, 0)
	must(t, "armed", w.shared.TimersArmed.Load(), 0)
}

func TestTheDeadlineOfAWaitThatIsOverWakesNobody(t *testing.T) {
	w := newWorld(t)
	first := w.spawn(w.sleepUntil(2000), w.sleepUntil(Forever))
	w.settle()
	w.spawn(w.signal(first))
	w.settle()
	w.advanceTo(2000)
	first.mustBe(waiting)
	w.spawn(w.signal(first))
	w.settle()

	// Nor its slot's next task.
	short := w.spawn(w.sleepUntil(3000))
	w.settle()
	w.spawn(w.signal(short))
	w.settle()
	next := w.spawn(w.sleepUntil(4000))
	for next.block != short.block {
		w.spawn(w.sleepUntil(4000))
		next = w.spawned[len(w.spawned)-1]
	}
	w.advanceTo(3999)
	next.mustBe(waiting)
	w.advanceTo(4000)
	next.mustBe(ended)
}

func TestASleepLastsUntilTheNextDeadlineThatSomebodyWaitsFor(t *testing.T) {
	w := newWorld(t)
	for _, deadline := range []int64{2000, 3000, 4000} {
		task := w.spawn(w.sleepUntil(deadline))
		w.settle()
		w.spawn(w.signal(task))
		w.settle()
	}
	must(t, "reason", w.mainWaits(0, 0, 5000), errTimedOut)
	must(t, "clock", w.clock, 5000)
	must(t, "sleeps", fmt.Sprint(w.poller.waits), "[4000]")
}

func TestAHundredThousandSleepersWakeInOrder(t *testing.T) {
	const count = 100_000
	w := newWorld(t)
	random := rand.New(rand.NewSource(1))
	type wake struct{ deadline, number int64 }
	want := make([]wake, count)
	got := make([]wake, 0, count)
	for i := range want {
		deadline := start + 1 + random.Int63n(count/2) // so that many are equal
		want[i] = wake{deadline, int64(i)}
		w.spawn(w.sleepUntil(deadline), func(*task) {
			if w.clock < deadline {
				t.Fatalf("%d wakes at %d, before its deadline %d", i, w.clock, deadline)
			}
			got = append(got, want[i])
		})
	}
	slices.SortStableFunc(want, func(a, b wake) int { return int(a.deadline - b.deadline) })
	original := slices.Clone(want)
	slices.SortFunc(want, func(a, b wake) int { return int(a.number - b.number) })
	for _, now := range []int64{start, 1100, 10_000, 10_001, 40_000, 200_000} {
		w.advanceTo(now)
	}
	must(t, "wakes", len(got), count)
	for i := range got {
		if got[i] != original[i] {
			t.Fatalf("wake %d is %v, want %v", i, got[i], original[i])
		}
	}
}

func TestMoreDeadlinesThanATickTakesKeepTheirOrder(t *testing.T) {
	const count = 3*DueCapacity + 7
	w := newWorld(t)
	got := make([]int, 0, count)
	for i := range count {
		w.spawn(w.sleepUntil(2000), func(*task) { got = append(got, i) })
	}
	w.settle()
	w.advanceTo(2000)
	must(t, "wakes", len(got), count)
	if !slices.IsSorted(got) {
		t.Fatal("out of order")
	}
}

// TestDeadlinesNearAndFarAreMetInTime jumps from one next deadline to the next, as a host does, in a crowd of which more
// than a tick takes share buckets of the wheel. Every other waits no longer.
func TestDeadlinesNearAndFarAreMetInTime(t *testing.T) {
	const count = 6 * DueCapacity
	w := newWorld(t)
	random := rand.New(rand.NewSource(1))
	var left []int64
	for i := range count {
		deadline := start + 1 + random.Int63n(1<<(20+random.Intn(3)*11))
		sleeper := w.spawn(w.sleepUntil(deadline), func(task *task) {
			if task.reason == errTimedOut {
				if w.clock != left[0] || deadline != left[0] {
					t.Fatalf("at %d a task wakes for %d, want %d", w.clock, deadline, left[0])
				}
				left = left[1:]
			}
		})
		if i%2 == 0 {
			left = append(left, deadline)
			continue
		}
		w.settle()
		w.wake(sleeper, Woken)
	}
	slices.Sort(left)
	w.settle()
	jumps := 0
	for met := len(left); len(left) > 0; jumps++ {
		next := w.s.NextDeadline()
		if next > left[0] || jumps > met+levels*digits {
			t.Fatalf("jump %d: the next deadline is %d, want %d", jumps, next, left[0])
		}
		w.clock = max(w.clock, next)
		w.settle()
	}
}

// TestDeadlinesAgreeWithAModel has tasks wait, be woken and end at random and compares which time out when with a list.
func TestDeadlinesAgreeWithAModel(t *testing.T) {
	for seed := range int64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewSource(seed))
			w := newWorld(t)
			type entry struct {
				task     *task
				deadline int64
			}
			var model []entry // in the order of the waits
			var timedOut, want []int
			next := map[*task]int64{} // what each waits for next; 0: it ends
			forget := func(task *task) {
				model = slices.DeleteFunc(model, func(e entry) bool { return e.task == task })
			}
			count := 0
			spawn := func() {
				number := count
				count++
				w.spawnBody(func(t *task) {
					if t.wakes > 0 && t.reason == errTimedOut {
						timedOut = append(timedOut, number)
					}
					deadline := next[t]
					if deadline == 0 {
						deadline = w.clock + 1 + random.Int63n(60)
					} else if deadline < 0 {
						w.end(t)
						return
					}
					delete(next, t)
					model = append(model, entry{t, deadline})
					w.wait(t, 0, 0, deadline)
				})
				w.settle()
			}
			number := func(task *task) int { return slices.Index(w.spawned, task) - 1 }
			for range 2000 {
				switch n := random.Intn(10); {
				case n < 2 || len(model) == 0:
					if len(model) < 40 {
						spawn()
					}
				case n < 8: // somebody is woken and waits anew, or ends
					task := model[random.Intn(len(model))].task
					next[task] = w.clock + 1 + random.Int63n(60)
					if random.Intn(8) == 0 {
						next[task] = -1
					}
					forget(task)
					w.wake(task, Woken)
					w.settle()
				default:
					w.clock += random.Int63n(12)
					due := slices.Clone(model)
					due = slices.DeleteFunc(due, func(e entry) bool { return e.deadline > w.clock })
					slices.SortStableFunc(due, func(a, b entry) int { return int(a.deadline - b.deadline) })
					want = want[:0]
					for _, e := range due {
						want = append(want, number(e.task))
						next[e.task] = w.clock + 1 + random.Int63n(60)
						forget(e.task)
					}
					timedOut = timedOut[:0]
					w.settle()
					if !slices.Equal(timedOut, want) {
						t.Fatalf("at %d there timed out %v, want %v", w.clock, timedOut, want)
					}
				}
				nearest := Forever
				for _, e := range model {
					nearest = min(nearest, e.deadline)
				}
				must(t, "the next deadline", w.s.NextDeadline(), nearest)
				if armed := w.shared.TimersArmed.Load(); armed > 4000 {
					t.Fatalf("%d deadlines are armed", armed)
				}
			}
			for len(model) > 0 {
				task := model[0].task
				next[task] = -1
				forget(task)
				w.wake(task, Woken)
				w.settle()
			}
			w.advanceTo(w.clock + 1000)
			must(t, "entries", w.s.deadlines.count, 0)
			must(t, "armed", w.shared.TimersArmed.Load(), 0)
		})
	}
}

func TestATickThatMeetsDeadlinesAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	var tasks []*task
	for i := range int64(100) {
		tasks = append(tasks, w.spawnBody(func(t *task) { w.wait(t, 0, 0, w.clock+1+i%7) }))
	}
	w.settle()
	must(t, "allocations", testing.AllocsPerRun(1000, func() {
		w.clock++
		w.tick()
	}), 0)
	for _, task := range tasks {
		w.end(task)
	}
}

// BenchmarkDeadline has 1000 tasks sleep, each for a while of its own, and times one deadline from arm to wake, the fake
// engine included.
func BenchmarkDeadline(b *testing.B) {
	w := newWorld(b)
	random := rand.New(rand.NewSource(1))
	var tasks []*task
	woken := 0
	for range 1000 {
		tasks = append(tasks, w.spawnBody(func(t *task) {
			woken++
			w.wait(t, 0, 0, w.clock+1+random.Int63n(1000))
		}))
	}
	w.settle()
	b.ReportAllocs()
	for woken = 0; woken < b.N; {
		w.clock += 50
		w.tick()
	}
	for _, task := range tasks {
		w.end(task)
	}
}
