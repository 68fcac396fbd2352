// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"math/rand"
	"testing"
)

// How late a deadline may be, and what that is good for: several deadlines share one wake-up.

const us, ms = 1_000, 1_000_000

// logsLateness notes which deadline is met and by how many us it is late.
func (w *world) logsLateness(deadline int64) func(*task) {
	return func(*task) {
		w.log = append(w.log, fmt.Sprintf("%d+%d", (deadline-start)/us, (w.clock-deadline)/us))
	}
}

// sleeps returns the two steps of a task that sleeps until start+at.
func (w *world) sleeps(at int64) (sleep, log func(*task)) {
	return w.sleepUntil(start + at), w.logsLateness(start + at)
}

func TestADeadlineThatIsAloneIsMetInTime(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.sleeps(10 * ms))
	w.spawn(w.sleeps(12 * ms)) // 10 ms may be 1 ms late, which does not help
	must(t, "reason", w.mainWaits(0, 0, start+20*ms), errTimedOut)
	w.mustLog("10000+0 12000+0")
	must(t, "clock", w.clock, start+20*ms)
}

func TestDeadlinesThatAreCloseTogetherShareAWakeUp(t *testing.T) {
	w := newWorld(t)
	for _, at := range []int64{1000, 1050, 1120, 1140} { // 1 ms may be 125 us late
		w.spawn(w.sleeps(at * us))
	}
	must(t, "reason", w.mainWaits(0, 0, start+20*ms), errTimedOut)
	w.mustLog("1000+120 1050+70 1120+0 1140+0")
}

func TestAShortWaitIsNotLateForALongOne(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.sleeps(100 * ms)) // each may be 1 ms late
	w.spawn(w.sleeps(100*ms + 700*us))
	short := start + int64(100*ms+200*us)
	w.spawn(w.sleepUntil(start+98*ms), w.sleepUntil(short), w.logsLateness(short))
	must(t, "reason", w.mainWaits(0, 0, start+200*ms), errTimedOut)
	w.mustLog("100000+200 100200+0 100700+0") // 2.2 ms may be 275 us late: not until 100700
}

func TestAShortWaitIsNotLateForMoreLongOnesThanATickTakes(t *testing.T) {
	// With each number the short one stands somewhere else among the others.
	for n := DueCapacity; n < 3*DueCapacity; n += 100 {
		w := newWorld(t)
		for i := range n {
			w.spawn(w.sleepUntil(start + 1000*ms + int64(i)*300))
		}
		deadline := start + int64(1000*ms+200*us)
		w.at(deadline-500*us, func() { w.poller.becomes(7, in) })
		w.spawn(w.waitFD(7, in, Forever), w.sleepUntil(deadline), func(*task) {
			if late := w.clock - deadline; late < 0 || late > 500*us/slackPart {
				t.Fatalf("beside %d others a wait of 500 us ends %d ns late", n, late)
			}
		})
		must(t, "reason", w.mainWaits(0, 0, start+2000*ms), errTimedOut)
	}
}

func TestAWaitThatBeginsAfterALongTurnIsAShortOne(t *testing.T) {
	w := newWorld(t)
	at := int64(50*ms + 80*us)
	sleep, log := w.sleeps(at)
	w.spawn(func(t *task) {
		w.clock += 50 * ms
		sleep(t)
	}, log)
	w.spawn(w.sleeps(at + 20*us))
	must(t, "reason", w.mainWaits(0, 0, start+60*ms), errTimedOut)
	w.mustLog("50080+0 50100+0")
}

func TestADescriptorEndsAWaitForSeveralDeadlines(t *testing.T) {
	w := newWorld(t)
	w.spawn(w.sleeps(10 * ms))
	w.spawn(w.sleeps(10*ms + 900*us))
	w.spawn(w.waitFD(7, in, Forever), w.note("descriptor"))
	w.at(start+10*ms+300*us, func() { w.poller.becomes(7, in) })
	must(t, "reason", w.mainWaits(0, 0, start+20*ms), errTimedOut)
	w.mustLog("descriptor 10000+300 10900+0")
}

// crowd is n tasks that sleep, each until `next` says, turn after turn. A turn takes some
// time.
func (w *world) crowd(n int, turn int64, next func(i int, t *task) int64) (disperse func()) {
	var tasks []*task
	for i := range n {
		tasks = append(tasks, w.spawnBody(func(t *task) {
			deadline := next(i, t)
			w.clock += turn
			w.wait(t, 0, 0, deadline)
		}))
	}
	return func() {
		for _, task := range tasks {
			w.end(task)
		}
	}
}

func TestADeadlineThatHasPassedIsNotDelayedByACrowd(t *testing.T) {
	for _, n := range []int{1, 9, 100} {
		w := newWorld(t)
		disperse := w.crowd(n, 0, func(i int, t *task) int64 { return w.clock + ms + int64(i)*us })
		must(t, "reason", w.mainWaits(0, 0, start+10*ms), errTimedOut)
		for range 100 {
			for _, past := range []int64{Now, Now + 1, -1, 0, start, w.clock - ms, w.clock - 1, w.clock} {
				before := w.clock
				must(t, "reason", w.mainWaits(0, 0, past), errTimedOut)
				must(t, "clock", w.clock, before)
			}
			must(t, "reason", w.mainWaits(0, 0, w.clock+3*us), errTimedOut)
		}
		disperse()
	}
}

func TestARequestForNowIsNotDelayedByACrowd(t *testing.T) {
	w := newHosted(t)
	host := w.spawnHost()
	disperse := w.crowd(100, 0, func(i int, t *task) int64 { return w.clock + ms + int64(i)*us })
	w.poll(start + 10*ms)
	for range 100 {
		before := w.clock
		w.hostWaits(host, 7, in, Now)
		must(t, "batch", w.poll(Forever), "task 1:-10 ")
		must(t, "clock", w.clock, before)
		w.poll(w.clock + 3*us)
	}
	disperse()
	w.end(host)
}

// TestNoWaitIsLaterThanAPartOfItselfAndTheSlack has tasks sleep from a microsecond to a second,
// wakes some before their time so that they wait anew, longer or shorter, and looks at each
// deadline that is met.
func TestNoWaitIsLaterThanAPartOfItselfAndTheSlack(t *testing.T) {
	for seed, slack := range []uint32{1, 1 * us, 50 * us, 1 * ms, 1 * ms, 1000 * ms} {
		for _, n := range []int{2, 30, 300, 3 * DueCapacity} {
			t.Run(fmt.Sprintf("%d tasks, slack %d ns", n, slack), func(t *testing.T) {
				random := rand.New(rand.NewSource(int64(seed)))
				w := newWorld(t)
				w.shared.TimerSlack = slack
				began, deadline := make([]int64, n), make([]int64, n)
				met := 0
				disperse := w.crowd(n, 0, func(i int, task *task) int64 {
					if task.wakes > 0 && task.reason == errTimedOut {
						met++
						late, length := w.clock-deadline[i], deadline[i]-began[i]
						if late < 0 || late > length/slackPart || late > int64(slack) {
							t.Fatalf("a wait of %d ns ends %d ns late", length, late)
						}
					}
					if other := w.spawned[1+random.Intn(n)]; random.Intn(4) == 0 && other.state == waiting {
						w.wake(other, Woken)
					}
					began[i], deadline[i] = w.clock, w.clock+us<<random.Intn(21)+random.Int63n(us)
					return deadline[i]
				})
				for met < 10*n {
					w.mainWaits(0, 0, w.clock+random.Int63n(ms))
				}
				disperse()
			})
		}
	}
}

func TestPeriodicTasksKeepTheirMeanRateInACrowd(t *testing.T) {
	const lasts = 200 * ms
	for name, period := range map[string]func(i int) int64{
		"2 kHz":              func(int) int64 { return 500 * us },
		"1 to 3 ms":          func(i int) int64 { return ms + int64(i%200)*10*us },
		"2 kHz beside 20 Hz": func(i int) int64 { return []int64{500 * us, 50 * ms}[i%2] },
	} {
		for _, n := range []int{1, 7, 8, 100, 1000} {
			t.Run(fmt.Sprintf("%d tasks, %s", n, name), func(t *testing.T) {
				w := newWorld(t)
				turns, next := make([]int64, n), make([]int64, n)
				disperse := w.crowd(n, 200, func(i int, _ *task) int64 {
					if next[i] == 0 {
						next[i] = start
					}
					turns[i]++
					next[i] += period(i)
					return next[i]
				})
				w.mainWaits(0, 0, start+lasts)
				for i, did := range turns {
					// The first turn is at 0, and the last may just be to come.
					if asked := lasts / period(i); did < asked || did > asked+1 {
						t.Fatalf("task %d had %d turns, want %d", i, did, asked)
					}
				}
				disperse()
			})
		}
	}
}

func TestAThousandSleepersOfSomeMillisecondsShareTheirWakeUps(t *testing.T) {
	sleeps := func(slack uint32) uint64 {
		random := rand.New(rand.NewSource(1))
		w := newWorld(t)
		w.shared.TimerSlack = slack
		disperse := w.crowd(1000, 200, func(int, *task) int64 {
			return w.clock + (1+random.Int63n(5))*ms
		})
		w.mainWaits(0, 0, start+100*ms)
		disperse()
		if fired := w.shared.TimersFired.Load(); fired < 30_000 {
			t.Fatalf("%d sleeps in 100 ms, want 33 000", fired)
		}
		return w.shared.Sleeps.Load()
	}
	together, alone := sleeps(1*ms), sleeps(1)
	if together > 110 || together > alone/10 {
		t.Fatalf("%d wake-ups in 100 ms, %d without slack", together, alone)
	}
}
