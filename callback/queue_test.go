// SPDX-License-Identifier: Apache-2.0

package callback_test

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"cothread/callback/internal/queuetest"
)

const owner, nextOwner = 7, 8

func open(t *testing.T, bound uint32) queuetest.Queue {
	t.Helper()
	q := queuetest.New()
	mustBe(t, q.Open(owner, bound, -1), 0)
	return q
}

func mustBe[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// popAll pops what is published and returns the numbers.
func popAll(q queuetest.Queue) (numbers []uint64) {
	for item, ok := q.Pop(); ok; item, ok = q.Pop() {
		numbers = append(numbers, item.Number)
	}
	return numbers
}

func mustPop(t *testing.T, q queuetest.Queue, want ...uint64) {
	t.Helper()
	if got := popAll(q); !slices.Equal(got, want) {
		t.Fatalf("popped %v, want %v", got, want)
	}
}

func until(condition func() bool) {
	for !condition() {
		runtime.Gosched()
	}
}

func TestPopsInTheOrderOfPostingLapAfterLap(t *testing.T) {
	for _, bound := range []uint32{1, 2, 3, 8} {
		q := open(t, bound)
		mustPop(t, q)
		for round := range uint64(20) {
			mustBe(t, q.Post(owner, round), 0)
			mustBe(t, q.Pending(), 1)
			mustPop(t, q, round)
			mustBe(t, q.Pending(), 0)
		}
	}
}

func TestEachProducersNumbersArriveInItsOrder(t *testing.T) {
	const producers, each = 4, 20_000
	q := open(t, 64)
	var all sync.WaitGroup
	for producer := range uint64(producers) {
		all.Go(func() {
			for i := range uint64(each) {
				if code := q.PostWait(owner, producer<<32|i, queuetest.Forever); code != 0 {
					t.Errorf("post %d of producer %d: %d", i, producer, code)
				}
			}
		})
	}
	var next [producers]uint64
	for range producers * each {
		var item queuetest.Item
		for ok := false; !ok; {
			if item, ok = q.Pop(); !ok {
				q.Popped()
				runtime.Gosched()
			}
		}
		producer, i := item.Number>>32, item.Number&(1<<32-1)
		mustBe(t, i, next[producer])
		next[producer]++
	}
	all.Wait()
	mustPop(t, q)
	mustBe(t, q.Statistics().Run, producers*each)
}

func TestFullQueueRefusesAndLosesNothing(t *testing.T) {
	q := open(t, 3) // rounded up to 4
	for i := range uint64(4) {
		mustBe(t, q.Post(owner, i), 0)
	}
	mustBe(t, q.Post(owner, 100), queuetest.EFull)
	mustBe(t, q.Post(owner, 101), queuetest.EFull)
	mustBe(t, q.Pending(), 4)
	item, _ := q.Pop()
	mustBe(t, item.Number, 0)
	mustBe(t, q.Post(owner, 4), 0)
	mustPop(t, q, 1, 2, 3, 4)

	s := q.Statistics()
	mustBe(t, s.Bound, 4)
	mustBe(t, s.Accepted, 5)
	mustBe(t, s.Refused, 2)
	mustBe(t, s.Run, 5)
	mustBe(t, s.Depth, 0)
	mustBe(t, s.HighWater, 4)
}

func TestOfferCountsARefusalOnlyWhenTold(t *testing.T) {
	q := open(t, 1)
	mustBe(t, q.Offer(owner, 1), 0)
	mustBe(t, q.Offer(owner, 2), queuetest.EFull)
	mustBe(t, q.Statistics().Refused, 0)
	q.Refuse()
	mustBe(t, q.Statistics().Refused, 1)
}

func TestHighWaterIsTheGreatestDepthAPopSaw(t *testing.T) {
	q := open(t, 16)
	depths := []uint64{3, 9, 5}
	for _, depth := range depths {
		for i := range depth {
			q.Post(owner, i)
		}
		popAll(q)
	}
	mustBe(t, q.Statistics().HighWater, 9)
	for i := range uint64(12) {
		q.Post(owner, i)
	}
	mustBe(t, q.Statistics().HighWater, 12)
}

func TestWaiterForRoomPostsOnceASliceWasPopped(t *testing.T) {
	q := open(t, 1)
	mustBe(t, q.Post(owner, 1), 0)
	answer := make(chan int)
	go func() { answer <- q.PostWait(owner, 2, queuetest.Forever) }()
	until(func() bool { return q.Waiters() == 1 })
	mustPop(t, q, 1)
	q.Popped()
	mustBe(t, <-answer, 0)
	mustPop(t, q, 2)
	mustBe(t, q.Waiters(), 0)
	mustBe(t, q.Statistics().Refused, 0)
}

func TestWaiterForRoomTimesOutAtItsDeadline(t *testing.T) {
	q := open(t, 1)
	mustBe(t, q.Post(owner, 1), 0)
	for _, deadline := range []int64{-1, 0, 1, monotonic(t) + 1_000_000} {
		mustBe(t, q.PostWait(owner, 2, deadline), queuetest.ETimedOut)
		if monotonic(t) < deadline {
			t.Fatalf("timed out before %d", deadline)
		}
	}
	mustBe(t, q.Statistics().Refused, 4)
	mustBe(t, q.Waiters(), 0)
	mustPop(t, q, 1)
	mustBe(t, q.PostWait(owner, 3, 0), 0) // there is room: the deadline does not matter
}

func monotonic(t *testing.T) int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano()
}

func TestCloseAnswersEveryWaiterForRoom(t *testing.T) {
	const waiting = 3
	q := open(t, 1)
	mustBe(t, q.Post(owner, 1), 0)
	answers := make(chan int)
	for range waiting {
		go func() { answers <- q.PostWait(owner, 2, queuetest.Forever) }()
	}
	until(func() bool { return q.Waiters() == waiting })
	mustBe(t, q.Close(), 1)
	for range waiting {
		mustBe(t, <-answers, queuetest.EDead)
	}
	mustPop(t, q, 1)
}

func TestCloseKeepsWhatWasAcceptedAndRefusesTheRest(t *testing.T) {
	q := open(t, 8)
	for i := range uint64(5) {
		mustBe(t, q.Post(owner, i), 0)
	}
	mustBe(t, q.Close(), 5)
	mustBe(t, q.Post(owner, 5), queuetest.EDead)
	mustBe(t, q.PostWait(owner, 5, queuetest.Forever), queuetest.EDead)
	mustPop(t, q, 0, 1, 2, 3, 4)
	mustBe(t, q.Close(), 0)
	mustBe(t, q.Statistics().Refused, 0)
}

func TestUnpublishedCallbackHoldsBackThoseBehindIt(t *testing.T) {
	q := open(t, 8)
	mustBe(t, q.Post(owner, 1), 0)
	stopped := q.TakeTicket()
	mustBe(t, q.Post(owner, 3), 0)
	mustPop(t, q, 1)
	mustBe(t, q.Pending(), 2)
	mustBe(t, q.PrepareSleep(), false)
	q.Awake()
	q.PublishTicket(stopped, 2)
	mustPop(t, q, 2, 3)
}

func TestClosedQueueIsEmptyOnlyWhenTheLastProducerHasPublished(t *testing.T) {
	q := open(t, 8)
	stopped := q.TakeTicket()
	mustBe(t, q.Close(), 1)
	go q.PublishTicket(stopped, 1)
	mustPop(t, q, 1)
}

func TestQueueThatWasNeverOpenedIsDead(t *testing.T) {
	q := queuetest.New()
	mustBe(t, q.Post(owner, 1), queuetest.EDead)
	mustBe(t, q.Pending(), 0)
	mustBe(t, q.Depth(), 0)
	mustBe(t, q.Statistics(), queuetest.Statistics{})
	q.Wake()
}

func TestReopenedQueueKnowsOnlyItsNewOwner(t *testing.T) {
	q := open(t, 4)
	q.Post(owner, 1)
	q.Close()
	popAll(q)
	for _, bound := range []uint32{4, 2, 64, 1, 8} {
		mustBe(t, q.Open(nextOwner, bound, -1), 0)
		mustBe(t, q.Post(owner, 2), queuetest.EDead)
		mustPop(t, q)
		for lap := range uint64(3) {
			for i := range uint64(bound) {
				mustBe(t, q.Post(nextOwner, lap+i), 0)
			}
			mustBe(t, q.Post(nextOwner, 0), queuetest.EFull)
			mustBe(t, len(popAll(q)), int(bound))
		}
		s := q.Statistics()
		mustBe(t, s.Bound, uint64(bound))
		mustBe(t, s.Accepted, uint64(3*bound))
		mustBe(t, s.Refused, 3)
		q.Close()
	}
}

func TestOpeningDropsWhatAnOwnerLeftBehind(t *testing.T) {
	q := open(t, 4)
	q.Post(owner, 1)
	q.Post(owner, 2)
	mustBe(t, q.Open(nextOwner, 4, -1), 0) // its thread ended: neither closed nor drained
	mustPop(t, q)
	mustBe(t, q.Pending(), 0)
	mustBe(t, q.Post(nextOwner, 3), 0)
	mustPop(t, q, 3)
}

func TestOpeningWaitsForProducersOfTheLastOwner(t *testing.T) {
	q := open(t, 4)
	l, post := openMailbox(q)
	post(1)
	l.Close()
	stopped := q.TakeTicket()
	var published atomic.Bool
	go func() {
		published.Store(true)
		q.PublishTicket(stopped, 2)
	}()
	mustBe(t, q.Open(nextOwner, 64, -1), 0)
	mustBe(t, published.Load(), true)
	mustBe(t, l.Idle(), true)
	mustPop(t, q)
}

func TestNoTicketReturns(t *testing.T) {
	q := open(t, 4)
	tail := q.ReadTail()
	q.Close()
	mustBe(t, q.TakeFrom(tail), false)
	mustBe(t, q.Open(nextOwner, 4, -1), 0)
	mustBe(t, q.TakeFrom(tail), false)
	mustBe(t, q.TakeFrom(q.ReadTail()), true)
}

// A producer that finds the queue full for a moment only, with a consumer that then has nothing to pop.
func TestNoRoomIsLost(t *testing.T) {
	const posts = 20_000
	q := open(t, 1)
	answer := make(chan int, 1)
	go func() {
		for i := range uint64(posts) {
			if code := q.PostWait(owner, i, monotonic(t)+60_000_000_000); code != 0 {
				answer <- code
				return
			}
		}
		answer <- 0
	}()
	for code, ended := 0, false; !ended; {
		if _, ok := q.Pop(); ok {
			q.Popped()
		}
		select {
		case code = <-answer:
			mustBe(t, code, 0)
			ended = true
		default:
		}
	}
}

func TestOneInThirtyTwoWaitsIsSampled(t *testing.T) {
	q := open(t, 1024)
	for i := range uint64(640) {
		q.Post(owner, i)
	}
	popAll(q)
	var samples uint64
	for _, n := range q.Statistics().Wait {
		samples += n
	}
	mustBe(t, samples, 640/32)
}

func TestWaitOfTheCallbackThatEndsASleepIsSampled(t *testing.T) {
	q := open(t, 8)
	for i := range uint64(4) {
		mustBe(t, q.PrepareSleep(), true)
		mustBe(t, q.Post(owner, i), 0)
		q.Awake()
		popAll(q)
	}
	var samples uint64
	for _, n := range q.Statistics().Wait {
		samples += n
	}
	mustBe(t, samples, 4)
}

func TestCancelledThreadFinishesItsPost(t *testing.T) {
	q, event := openWithEvent(t, 8)
	mustBe(t, q.PrepareSleep(), true)
	mustBe(t, q.PostFromCancelledThread(owner), 0)
	mustBe(t, read(event), 1)
	mustPop(t, q, 0)
	q.Close()
	q.Retire()
}

// ---- Mailbox ----

func openMailbox(q queuetest.Queue) (l queuetest.Mailbox, post func(value uint64) (int, uint64)) {
	l = queuetest.NewMailbox()
	l.Open(99)
	generation := l.Generation()
	return l, func(value uint64) (int, uint64) { return l.Post(q, owner, generation, value) }
}

func TestMailboxValueWinsAndKeepsItsPlace(t *testing.T) {
	q := open(t, 8)
	_, post := openMailbox(q)
	post(0) // a legal value: replacing it says so
	q.Post(owner, 1)
	code, replaced := post(2)
	mustBe(t, code, 1)
	mustBe(t, replaced, 0)
	code, replaced = post(3)
	mustBe(t, code, 1)
	mustBe(t, replaced, 2)

	item, _ := q.Pop()
	mustBe(t, item, queuetest.Item{Number: 3, Token: 99, Mailbox: true})
	code, _ = post(4) // none was pending: behind what was posted meanwhile
	mustBe(t, code, 0)
	mustPop(t, q, 1, 4)

	s := q.Statistics()
	mustBe(t, s.Accepted, 3)
	mustBe(t, s.Replaced, 2)
	mustBe(t, s.Run, 3)
}

func TestMailboxInAFullQueueReplacesButIsNotQueued(t *testing.T) {
	q := open(t, 2)
	_, post := openMailbox(q)
	_, postOther := openMailbox(q)
	post(1)
	q.Post(owner, 2)
	code, _ := postOther(5)
	mustBe(t, code, queuetest.EFull)
	code, replaced := post(3)
	mustBe(t, code, 1)
	mustBe(t, replaced, 1)
	mustPop(t, q, 3, 2)
	code, _ = postOther(6) // the refused value did not stay
	mustBe(t, code, 0)
	mustPop(t, q, 6)
	mustBe(t, q.Statistics().Refused, 1)
}

func TestClosedMailboxDropsItsValueAndKnowsNoOldHandle(t *testing.T) {
	q := open(t, 4)
	l, post := openMailbox(q)
	post(1)
	q.Post(owner, 2)
	mustBe(t, l.Close(), 1)
	code, _ := post(3)
	mustBe(t, code, queuetest.EHandle)
	mustBe(t, l.Idle(), false) // a cell names it
	mustPop(t, q, 2)
	mustBe(t, l.Idle(), true)

	l.Open(100)
	code, _ = post(4)
	mustBe(t, code, queuetest.EHandle)
	code, _ = l.Post(q, owner, l.Generation(), 5)
	mustBe(t, code, 0)
	item, _ := q.Pop()
	mustBe(t, item, queuetest.Item{Number: 5, Token: 100, Mailbox: true})
	mustBe(t, l.Close(), 0)
	mustBe(t, l.Idle(), true)

	s := q.Statistics()
	mustBe(t, s.Accepted, 3)
	mustBe(t, s.Run, 2)
}

func TestMailboxOfADeadQueueIsDead(t *testing.T) {
	q := open(t, 4)
	_, post := openMailbox(q)
	post(1)
	q.Close()
	code, _ := post(2)
	mustBe(t, code, queuetest.EDead)
	mustPop(t, q, 1)
}

func TestPostersOfOneMailboxLoseNoValue(t *testing.T) {
	const producers, each = 4, 5000
	q := open(t, 2)
	_, post := openMailbox(q)
	var seen [producers*each + 1]atomic.Uint32 // how often a value was run, replaced or refused
	var running atomic.Int32
	running.Store(producers)
	for producer := range uint64(producers) {
		go func() {
			defer running.Add(-1)
			for i := range uint64(each) {
				value := producer*each + i + 1
				code, replaced := post(value)
				switch code {
				case 1:
					seen[replaced].Add(1)
				case queuetest.EFull:
					seen[value].Add(1)
				case 0:
				default:
					t.Errorf("post: %d", code)
				}
			}
		}()
	}
	for running.Load() > 0 || q.Pending() > 0 {
		for _, value := range popAll(q) {
			seen[value].Add(1)
		}
		runtime.Gosched()
	}
	for value := range uint64(producers * each) {
		mustBe(t, seen[value+1].Load(), 1)
	}
	s := q.Statistics()
	mustBe(t, s.Run, s.Accepted)
	mustBe(t, s.Accepted+s.Replaced+s.Refused, producers*each)
}

// ---- Signals ----

func TestSignalHandlerPostsBetweenThePostsOfItsThread(t *testing.T) {
	q := open(t, 1<<12)
	mustBe(t, q.StartStorm(owner, 5000), true)
	next := [2]uint64{0, 1} // even: the handler's, odd: the thread's
	for {
		odd, even, over := q.StormOver()
		for _, number := range popAll(q) {
			mustBe(t, number, next[number%2])
			next[number%2] += 2
		}
		if over {
			mustBe(t, next[0]/2, even)
			mustBe(t, next[1]/2, odd)
			break
		}
	}
	s := q.Statistics()
	mustBe(t, s.Run, s.Accepted)
	if next[0] == 0 {
		t.Fatal("no post of a handler was accepted")
	}
}

func TestPostKeepsErrno(t *testing.T) {
	q := open(t, 4) // its wake descriptor is -1: the write fails
	mustBe(t, q.PrepareSleep(), true)
	mustBe(t, q.ErrnoAfterPost(owner, 77), 77)
	mustBe(t, q.ErrnoAfterPost(nextOwner, 78), 78)
}

// ---- Sleeping ----

func openWithEvent(t *testing.T, bound uint32) (q queuetest.Queue, event int) {
	t.Helper()
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(event) })
	q = queuetest.New()
	mustBe(t, q.Open(owner, bound, event), 0)
	return q, event
}

// read returns how often the event was written since the last read.
func read(event int) byte {
	var count [8]byte
	unix.Read(event, count[:]) // leaves 0 if it was not written
	return count[0]
}

func TestOnlyTheFirstPostToASleeperWrites(t *testing.T) {
	q, event := openWithEvent(t, 8)
	q.Post(owner, 1)
	mustBe(t, read(event), 0)
	mustPop(t, q, 1)

	mustBe(t, q.PrepareSleep(), true)
	q.Post(owner, 2)
	q.Post(owner, 3)
	mustBe(t, read(event), 1)
	q.Awake()
	mustPop(t, q, 2, 3)

	mustBe(t, q.PrepareSleep(), true)
	q.Awake()
	q.Post(owner, 4)
	mustBe(t, read(event), 0)
}

func TestNoSleepWhileACallbackIsPending(t *testing.T) {
	q, event := openWithEvent(t, 8)
	q.Post(owner, 1)
	mustBe(t, q.PrepareSleep(), false)
	q.Post(owner, 2)
	mustBe(t, read(event), 0) // nobody sleeps
	q.Awake()
	mustPop(t, q, 1, 2)
	mustBe(t, q.PrepareSleep(), true)
}

func TestWakeEndsASleepOnce(t *testing.T) {
	q, event := openWithEvent(t, 8)
	q.Wake()
	mustBe(t, read(event), 0)
	mustBe(t, q.PrepareSleep(), true)
	q.Wake()
	q.Wake()
	mustBe(t, read(event), 1)
	q.Close()
	mustBe(t, q.PrepareSleep(), true) // a closed queue's scheduler sleeps still, and can be woken
	q.Wake()
	mustBe(t, read(event), 1)
	q.Retire()
	q.Wake()
	mustBe(t, read(event), 0)
}

func TestRetireWaitsForTheLastWriteToTheDescriptor(t *testing.T) {
	q := open(t, 4)
	q.Close()
	var left atomic.Bool
	q.EnterWaker()
	go func() {
		left.Store(true)
		q.LeaveWaker()
	}()
	q.Retire()
	mustBe(t, left.Load(), true)
}

// Each producer waits until its post was popped before the next one, so that the consumer keeps falling asleep: a
// lost wakeup leaves everybody waiting. And there is room for all of them, always.
func TestNoWakeupIsLostAndNoPostRefusedWithoutNeed(t *testing.T) {
	const producers, each = 4, 3000
	q, event := openWithEvent(t, producers)
	var popped [producers]atomic.Uint64
	for producer := range uint64(producers) {
		go func() {
			for i := range uint64(each) {
				if code := q.Post(owner, producer); code != 0 {
					t.Errorf("post: %d", code)
					q.PostWait(owner, producer, queuetest.Forever)
				}
				until(func() bool { return popped[producer].Load() > i })
			}
		}()
	}
	for total := 0; total < producers*each; {
		for _, producer := range popAll(q) {
			popped[producer].Add(1)
			total++
		}
		q.Popped()
		if total < producers*each && q.PrepareSleep() {
			wait := []unix.PollFd{{Fd: int32(event), Events: unix.POLLIN}}
			n, err := unix.Poll(wait, 10_000)
			if n == 0 {
				t.Fatalf("asleep with %d of %d popped", total, producers*each)
			}
			if n > 0 {
				read(event)
			} else if err != unix.EINTR {
				t.Fatal(err)
			}
		}
		q.Awake()
	}
}
