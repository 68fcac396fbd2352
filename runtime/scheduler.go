// SPDX-License-Identifier: Apache-2.0

// Package runtime is the tick half of a scheduler: it decides what a tick begins with. Deadlines that passed,
// descriptors that are ready and callbacks that are due become ready tasks; an Engine (package native: C, switching
// stacks) then runs every ready task and returns. The two alternate on one thread, so neither needs a lock.
//
// An engine keeps this contract:
//
//	Run(begin)   With begin: wake the tasks of Shared.Due, then let start what CallbackQuota allows, ahead of
//	             them, and take over the tasks that were left for the next tick. Then run ready tasks, in order,
//	             until none is left, and set Shared.Stop. After StopCall the next Run resumes the caller first.
//	             Tasks that were suspended with a deadline or a descriptor are in the list ArmedFirst.
//	Trim() bool  Give some unused memory back; true: there is more. Called when there is time.
//
// Nothing here knows its caller. One thread at a time; only Shared's counters are read by others.
package runtime

import (
	"math"

	"cothread/poll"
)

// Engine runs tasks. The package's comment is its contract.
type Engine interface {
	Run(begin bool)
	Trim() bool
}

// Queue is the consumer's view of the callbacks other threads post.
type Queue interface {
	Pending() uint64    // posted and not started
	PrepareSleep() bool // from now on a post uses the poller's Waker; false: something is pending already
	Awake()             // no longer
}

// Scheduler is the tick half of one scheduler.
type Scheduler struct {
	shared      *Shared
	engine      Engine
	queue       Queue
	poller      poll.Poller
	clock       func() int64
	deadlines   *deadlines
	descriptors descriptors
	events      [poll.Batch]poll.Event
	late        []Due                       // what found no room in Shared.Due: the next tick's
	lateTaken   int                         // how many of these are due by now
	expired     func(*Wait, *deadlineEntry) // bound once: a method value allocates
	stay        func()                      // see tellGo
	told        int64                       // when it was last called
	trimmed     uint64                      // tasks that had ended when there was no memory to give back
	embedded    bool                        // the host waits by itself, for the poller's descriptor or list
	hostPolls   bool                        // for the list: this half never blocks
}

const (
	// pollRounds bounds the ticks of one Poll in which only native tasks were ready: the host wants to look at its
	// signals. A count, as order must not depend on speed.
	pollRounds = 1000
	// After stay ns a loop tells Go that it goes on: at 10 ms Go's monitor thread would ask for its
	// processor with a signal, and if it then found a task running it would look every 20 us from
	// there on. A wait that holds Go's processor for 4 ms (poll.Epoll) still fits in.
	stay = 6_000_000
	// trimAfter is the shortest wait worth giving memory back before it.
	trimAfter = 100_000_000
)

// New returns a scheduler over what it is given; it owns the poller from then on. It calls stay now and then: a loop that has
// run, and waited, for some ms goes on.
func New(shared *Shared, engine Engine, queue Queue, poller poll.Poller, clock func() int64, stay func()) (*Scheduler, error) {
	deadlines, err := newDeadlines(shared)
	if err != nil {
		return nil, err
	}
	s := &Scheduler{shared: shared, engine: engine, queue: queue, poller: poller, clock: clock, stay: stay, deadlines: deadlines, trimmed: math.MaxUint64}
	s.descriptors = descriptors{poller: poller, due: s.due}
	s.expired = func(w *Wait, e *deadlineEntry) {
		if e.fd >= 0 {
			s.descriptors.timedOut = append(s.descriptors.timedOut, e.fd)
		}
		s.append(Due{Wait: w, Reason: errTimedOut, Number: e.number})
	}
	_, s.hostPolls = poller.(poll.Lister)
	s.embedded = s.hostPolls
	return s, nil
}

// Close ends the scheduler. Nobody may use the poller's Waker any more.
func (s *Scheduler) Close() {
	s.poller.Close()
	s.deadlines.close()
}

// Poller returns the poller given to New.
func (s *Scheduler) Poller() poll.Poller { return s.poller }

// Drive runs ticks until it is main's turn. Main has begun a wait, or yields.
func (s *Scheduler) Drive() {
	for s.shared.Stop = StopDone; s.shared.Stop != StopMain; {
		begin := s.shared.NowFirst == nil // else main left in the middle of a tick
		if begin {
			s.gather(Forever)
		}
		s.run(begin)
	}
	if s.shared.Main.Reason == errInterrupted {
		s.shared.Interrupted.Store(0)
	}
}

// Poll runs ticks until a host task is ready, deadline passed, or a signal or an interrupt came; at least one.
func (s *Scheduler) Poll(deadline int64) {
	for range pollRounds {
		interrupted := s.gather(deadline)
		s.run(true)
		if s.shared.HostFirst != nil || s.shared.PostedCount > 0 || interrupted ||
			s.shared.Interrupted.Swap(0) != 0 || s.hostPolls && !s.ready() || deadline != Forever && deadline <= s.clock() {
			break
		}
	}
	s.settle() // the ready host tasks are the batch
}

// Drain runs ticks until hostTasks, which only their host ends, are the last that live and no callback is pending, or
// deadline passed. Every native task was cancelled, and waits only behind its shield.
func (s *Scheduler) Drain(deadline int64, hostTasks uint64) {
	limit := Now
	for {
		s.shared.Interrupted.Store(0) // main waits no more
		if limit != Now && s.hostPolls {
			now := s.clock()
			s.arm(now)
			s.poller.(poll.Lister).Poll(s.timeout(now, deadline))
		}
		s.gather(limit)
		s.run(true)
		limit = Now
		if s.queue.Pending() > 0 {
			continue // callbacks run in any case: they were accepted, and no more are
		}
		idle := s.shared.NextFirst == nil && s.shared.DueCount == 0 && len(s.late) == 0
		if idle && s.shared.Living.Load() <= hostTasks || deadline != Forever && deadline <= s.clock() {
			return
		}
		if idle {
			limit = deadline
		}
	}
}

// run has the engine run the ready tasks, serving their tick calls.
func (s *Scheduler) run(begin bool) {
	if begin {
		count(&s.shared.Ticks, 1)
		if !s.nativeReady() && s.shared.CallbackQuota == 0 {
			return // as after an interrupt: the engine would cost a sixth of a host's poll
		}
	}
	s.engine.Run(begin)
	for s.shared.Stop == StopCall {
		s.serve()
		s.engine.Run(false)
	}
}

// ready says whether a tick has something to do without waiting. Callbacks apart: PrepareSleep knows them better, as one that
// is only announced is no reason to spin.
func (s *Scheduler) ready() bool {
	return s.shared.HostFirst != nil || s.shared.PostedCount > 0 || s.nativeReady()
}

func (s *Scheduler) nativeReady() bool {
	return s.shared.Arrived.Load() != 0 || s.shared.NowFirst != nil || s.shared.NextFirst != nil || s.shared.DueCount > 0 || len(s.late) > 0
}

// gather collects what the next tick begins with; if nothing is ready it waits for it, at most until limit. It returns
// whether a signal ended the wait.
func (s *Scheduler) gather(limit int64) (interrupted bool) {
	now := s.tellGo(s.clock())
	if s.embedded {
		s.shared.Notify = 0
		s.queue.Awake()
	}
	s.takeLate()
	s.descriptors.forgetTimedOut()
	s.arm(now)
	s.interruptMain()
	timeout := int64(0)
	if limit != Now && !s.ready() {
		timeout = s.timeout(now, limit)
	}
	if timeout != 0 {
		long := timeout < 0 || timeout > trimAfter
		if !s.queue.PrepareSleep() || s.shared.Interrupted.Load() != 0 || s.shared.Arrived.Load() != 0 || long && s.trim() {
			timeout = 0 // memory is given back in slices, so that what comes is served in between
		} else {
			count(&s.shared.Sleeps, 1)
		}
		interrupted = s.pollReady(timeout)
		s.queue.Awake()
		s.interruptMain()
	} else if s.poller.Registered() > 0 || s.embedded {
		interrupted = s.pollReady(0)
	}
	if s.deadlines.count > 0 { // else nobody asks what time it is
		if timeout != 0 {
			now = s.clock()
		}
		s.deadlines.expire(now, s.expired)
	}
	s.shared.CallbackQuota = uint32(min(uint64(s.shared.CallbackBudget), s.queue.Pending()))
	show(&s.shared.TimersArmed, s.deadlines.count)
	show(&s.shared.Descriptors, s.poller.Registered())
	return interrupted
}

// tellGo says, if it is time for that, that this goroutine keeps its processor; it returns the time.
// Before a wait, and not between the wake-up and the task it is for: it may take 40 us.
func (s *Scheduler) tellGo(now int64) int64 {
	if now-s.told <= stay {
		return now
	}
	s.told = now
	s.stay()
	return s.clock()
}

// trim gives some memory back, and says whether to look again before sleeping. Stacks are freed by tasks that end: with none
// since there was nothing to give, to ask costs a crossing, and a cache line for each size of stack, for nothing.
func (s *Scheduler) trim() bool {
	ended := s.shared.Ended.Load()
	if ended == s.trimmed {
		return false
	}
	if s.engine.Trim() {
		return true
	}
	s.trimmed = ended
	return false
}

// timeout returns how long to wait: ns, or < 0 for ever, or 0 if there is something better to do.
func (s *Scheduler) timeout(now, limit int64) int64 {
	until := min(limit, s.deadlines.wakeUp())
	if until == Forever {
		return -1
	}
	if until <= now { // before subtracting: a limit may lie at the far end
		return 0
	}
	return until - now
}

// pollReady asks the poller what is ready and makes it due.
func (s *Scheduler) pollReady(timeout int64) (interrupted bool) {
	count(&s.shared.Polls, 1)
	n, interrupted := s.poller.Wait(s.events[:], timeout)
	for _, e := range s.events[:n] {
		if e.Token&armToken != 0 {
			s.descriptors.report(e.Token, e.Events)
		} else {
			s.append(Due{Object: int64(e.Token), Events: e.Events})
		}
	}
	s.shared.MoreReady = 0
	if n == len(s.events) || len(s.late) > 0 {
		s.shared.MoreReady = 1
	}
	return interrupted
}

// arm takes up the tasks that were suspended, before now, with a deadline or a descriptor: only
// those that still are cost anything.
func (s *Scheduler) arm(now int64) {
	w := s.shared.ArmedFirst
	s.shared.ArmedFirst, s.shared.ArmedLast = nil, nil
	for w != nil {
		next := w.ArmedNext
		w.Flags &^= waitOnArmed
		if task := w.Task; task != nil && task.State == stateWaiting { // nil: the block of a wait that is over is a hosted stack's
			if w.Events != 0 {
				s.descriptors.wait(w)
			}
			if task.Deadline != Forever && w.Flags&waitOfItem == 0 {
				s.deadlines.arm(task, now)
			}
		}
		w = next
	}
	s.descriptors.arrive()
}

// interruptMain ends main's wait if cothread_interrupt asked for it; if main is not waiting, it ends the next. So it does if
// something else has ended the wait before: Drive takes the interrupt as delivered when main goes on with it.
func (s *Scheduler) interruptMain() {
	main := s.shared.Main
	if main != nil && s.shared.Interrupted.Load() != 0 && main.State == stateWaiting {
		s.due(&main.Wait, errInterrupted, 0)
	}
}

func (s *Scheduler) due(w *Wait, reason int32, events uint32) {
	s.append(Due{Wait: w, Reason: reason, Events: events, Number: w.Number})
}

func (s *Scheduler) append(d Due) {
	if s.shared.DueCount == DueCapacity || len(s.late) > 0 {
		s.late = append(s.late, d)
		return
	}
	s.shared.Due[s.shared.DueCount] = d
	s.shared.DueCount++
}

// takeLate makes due what there is room for of what was late. The rest moves only when as many were
// taken: else each tick would move the whole crowd.
func (s *Scheduler) takeLate() {
	n := copy(s.shared.Due[s.shared.DueCount:], s.late[s.lateTaken:])
	s.shared.DueCount += uint32(n)
	if s.lateTaken += n; s.lateTaken > len(s.late)/2 {
		s.late, s.lateTaken = s.late[:copy(s.late, s.late[s.lateTaken:])], 0
	}
}

// Call serves the tick call in Shared, outside a tick.
func (s *Scheduler) Call() {
	s.serve()
	if s.shared.Notify != 0 && s.ready() {
		s.wakeSelf()
	}
}

func (s *Scheduler) serve() {
	sh := s.shared
	switch sh.CallOperation {
	case callAdopt, callSource:
		add := s.poller.AddEdge
		if sh.CallOperation == callSource {
			add = s.poller.AddSource
		}
		s.arm(s.clock()) // a wait that began in this tick is not listed yet
		s.descriptors.forget(sh.CallA)
		if s.descriptors.waited(sh.CallA) {
			sh.CallResult = errBusy
		} else {
			code, errno := CodeOf(add(int(sh.CallA), uint64(sh.CallB)))
			sh.CallResult, sh.CallB = int64(code), int64(errno)
		}
	case callRelease:
		sh.CallResult = int64(reasonOf(s.poller.RemoveEdge(int(sh.CallA))))
	case callWakeFD:
		s.arm(s.clock())
		sh.CallResult = s.descriptors.wake(sh.CallA)
	case callDrained:
		s.poller.Drained(int(sh.CallA), uint32(sh.CallB))
		sh.CallResult = 0
	}
	show(&sh.Descriptors, s.poller.Registered()) // what is asked in this tick, too, is answered right
}

// ---- A host that waits by itself ----

// Embed returns the descriptor that is readable whenever Poll(Now) has something to do.
func (s *Scheduler) Embed() int {
	if err := s.poller.SetTimer(Forever - 1); err != nil { // the timer is made now: later nobody could be told
		return int(reasonOf(err))
	}
	s.embedded = true
	s.Settle()
	return s.poller.Descriptor()
}

// Settle takes up what was asked for outside a tick. In an embedded scheduler it leaves the descriptor, or the list,
// telling the truth: what changes after this shows by itself.
func (s *Scheduler) Settle() {
	s.settle()
	if s.embedded && (s.shared.HostFirst != nil || s.shared.PostedCount > 0) {
		s.wakeSelf()
	}
}

func (s *Scheduler) settle() {
	s.arm(s.clock())
	if !s.embedded {
		return
	}
	_ = s.poller.SetTimer(s.deadlines.next())
	s.shared.Notify = 1
	if !s.queue.PrepareSleep() || s.nativeReady() || s.shared.Interrupted.Load() != 0 {
		s.wakeSelf()
	}
}

// wakeSelf makes the poller's descriptor readable, or its list change.
func (s *Scheduler) wakeSelf() {
	s.shared.Notify = 0
	s.poller.Wake()
}

// NextDeadline returns when Poll has something to do if no descriptor becomes ready: Now, Forever, or a time.
func (s *Scheduler) NextDeadline() int64 {
	s.arm(s.clock())
	if s.ready() || s.queue.Pending() > 0 {
		return Now
	}
	return s.deadlines.next()
}
