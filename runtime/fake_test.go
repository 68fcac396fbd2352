// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"cothread/poll"
)

// world is all that the tick half touches, without a kernel: a clock that moves only when the poller waits or a test
// says so, an engine whose tasks are Go functions, a queue and a poller. A test fails if a task is left over.
type world struct {
	t      testing.TB
	s      *Scheduler
	shared Shared
	due    [DueCapacity]Due
	chunks [chunks]unsafe.Pointer

	clock   int64
	outside []happening // by time
	poller  *fakePoller
	queue   fakeQueue

	bySlot          []*task
	spawned         []*task
	freeSlots       []*Block
	now, next, host list
	calling         *task // its tick call is served
	arrivals        uint64
	beginning       bool // the tick's callbacks run
	log             []string
}

// happening is what the world outside does while the scheduler sleeps.
type happening struct {
	time int64
	do   func()
}

const start = 1000 // what the clock shows at first; CLOCK_MONOTONIC is never 0

const (
	ready   = stateReady
	running = stateRunning
	waiting = stateWaiting
	ended   = stateEnded
)

var stateNames = [...]string{"free", "ready", "running", "waiting", "ended"}

// newWorld returns a world with a self-driven scheduler.
func newWorld(t testing.TB) *world {
	w := prepareWorld(t)
	w.main()
	w.begin(w.poller)
	return w
}

// newHosted returns one whose host waits for the poller.
func newHosted(t testing.TB) *world {
	w := prepareWorld(t)
	w.begin(w.poller)
	return w
}

func prepareWorld(t testing.TB) *world {
	w := &world{t: t, clock: start}
	w.shared.Due = &w.due
	w.shared.Tasks = &w.chunks
	w.shared.BlockSize = unsafe.Sizeof(Block{})
	w.shared.CallbackBudget = 4
	w.shared.TimerSlack = 1_000_000
	w.queue.w = w
	w.poller = newFakePoller(w)
	main := w.newTask(nil)
	main.name = "main"
	main.set(running)
	return w
}

func (w *world) begin(poller poll.Poller) {
	s, err := New(&w.shared, w, &w.queue, poller, func() int64 { return w.clock }, func() {})
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	w.t.Cleanup(func() {
		for _, task := range w.spawned[1:] {
			if task.state != ended && !w.t.Failed() {
				w.t.Errorf("%s is left over, %s", task.name, stateNames[task.state])
			}
		}
		w.poller.Close()
		s.Close()
	})
}

func (w *world) main() *task {
	w.shared.Main = w.spawned[0].block
	return w.spawned[0]
}

func (w *world) mustLog(want string) {
	w.t.Helper()
	if got := strings.Join(w.log, " "); got != want {
		w.t.Fatalf("it went %q, want %q", got, want)
	}
	w.log = w.log[:0]
}

func must[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// ---- Tasks ----

// task has a body that is called at each of its turns, and begins a wait, yields or ends.
type task struct {
	w      *world
	name   string
	block  *Block
	link   *task
	body   func(*task)
	answer *int64 // of its tick call
	state  uint8
	host   bool
	reason int32  // why its last wait ended,
	bits   uint32 // with these
	wakes  int    // how many did
	woken  bool   // and has not gone on
}

type list struct{ first, last *task }

func (l *list) append(t *task) {
	t.link = nil
	if l.first == nil {
		l.first = t
	} else {
		l.last.link = t
	}
	l.last = t
}

func (l *list) join(other *list) {
	switch {
	case other.first == nil:
	case l.first == nil:
		*l = *other
	default:
		l.last.link, l.last = other.first, other.last
	}
	other.first = nil
}

func (l *list) wait() *Wait {
	if l.first == nil {
		return nil
	}
	return &l.first.block.Wait
}

// show tells the tick half which lists are empty.
func (w *world) show() {
	w.shared.NowFirst, w.shared.NextFirst, w.shared.HostFirst = w.now.wait(), w.next.wait(), w.host.wait()
}

func (t *task) set(state uint8) { t.state, t.block.State = state, state }

func (t *task) mustBe(state uint8) {
	t.w.t.Helper()
	if t.state != state {
		t.w.t.Fatalf("%s is %s, want %s", t.name, stateNames[t.state], stateNames[state])
	}
}

// mustHave says how its last wait ended.
func (t *task) mustHave(reason int32, bits uint32) {
	t.w.t.Helper()
	if t.reason != reason || t.bits != bits {
		t.w.t.Fatalf("%s was woken with %d and bits %#x, want %d and %#x", t.name, t.reason, t.bits, reason, bits)
	}
}

// newTask takes a slot; what the tick half has in it outlives the last task there.
func (w *world) newTask(body func(*task)) *task {
	t := &task{w: w, name: fmt.Sprint("task ", len(w.spawned)), body: body}
	if n := len(w.freeSlots); n > 0 {
		t.block, w.freeSlots = w.freeSlots[n-1], w.freeSlots[:n-1]
		w.bySlot[t.block.Index] = t
	} else {
		index := len(w.bySlot)
		if index%(1<<chunkBits) == 0 {
			w.chunks[index>>chunkBits] = unsafe.Pointer(unsafe.SliceData(make([]Block, 1<<chunkBits)))
		}
		t.block = w.shared.block(uint32(index))
		t.block.Index = uint32(index)
		w.bySlot = append(w.bySlot, t)
	}
	t.block.Flags = 0
	t.block.Wait.Task = t.block
	t.block.Deadline = Forever
	t.block.Wait.Events = 0
	w.spawned = append(w.spawned, t)
	return t
}

// spawn makes a task that goes through steps: one that does not suspend is followed by the next in the same turn.
func (w *world) spawn(steps ...func(*task)) *task {
	return w.spawnBody(func(t *task) {
		for len(steps) > 0 && t.state == running && w.calling != t {
			step := steps[0]
			steps = steps[1:]
			step(t)
		}
		if len(steps) == 0 && t.state == running && w.calling != t {
			w.end(t)
		}
	})
}

func (w *world) spawnBody(body func(*task)) *task {
	t := w.newTask(body)
	w.makeReady(t)
	return t
}

func (w *world) spawnHost() *task {
	t := w.newTask(nil)
	t.host = true
	t.block.Flags |= flagHost
	t.set(running)
	return t
}

func (w *world) end(t *task) {
	t.set(ended)
	w.freeSlots = append(w.freeSlots, t.block)
}

func (w *world) makeReady(t *task) {
	t.set(ready)
	switch {
	case t.host:
		w.host.append(t)
	case w.beginning:
		w.next.append(t)
	default:
		w.now.append(t)
	}
	w.show()
	if w.shared.Notify != 0 {
		w.shared.Notify = 0
		w.s.Poller().Wake()
	}
}

// wait is wait_enter of wait.h.
func (w *world) wait(t *task, fd int, events uint32, deadline int64) {
	own := &t.block.Wait
	t.set(waiting)
	own.Number++
	t.block.Deadline, own.FD, own.Events = deadline, int32(fd), events
	if events != 0 {
		w.arrivals++
		own.Value = w.arrivals
	}
	if (deadline == Forever && events == 0) || own.Flags&waitOnArmed != 0 {
		return
	}
	own.Flags |= waitOnArmed
	own.ArmedNext = nil
	if w.shared.ArmedLast != nil {
		w.shared.ArmedLast.ArmedNext = own
	} else {
		w.shared.ArmedFirst = own
	}
	w.shared.ArmedLast = own
}

func (w *world) wake(t *task, reason int32) {
	t.mustBe(waiting)
	t.block.Deadline, t.block.Reason = Forever, reason
	t.woken = true
	t.wakes++
	w.makeReady(t)
}

// goOn is a task's turn, and a host task's place in a batch: only now is it told how its wait ended.
func (t *task) goOn() {
	t.set(running)
	if t.woken {
		t.woken = false
		t.reason, t.bits = t.block.Reason, 0
		if t.reason == Woken {
			t.bits = t.block.Wait.Events
		}
	}
	t.block.Wait.Events = 0
}

func (w *world) yield(t *task) {
	t.set(ready)
	t.block.Reason = 0
	w.next.append(t)
}

// What a task may do.

func (w *world) note(format string, arguments ...any) func(*task) {
	text := fmt.Sprintf(format, arguments...)
	return func(*task) { w.log = append(w.log, text) }
}

func (w *world) sleepUntil(deadline int64) func(*task) {
	return func(t *task) { w.wait(t, 0, 0, deadline) }
}

func (w *world) waitFD(fd int, events uint32, deadline int64) func(*task) {
	return func(t *task) { w.wait(t, fd, events, deadline) }
}

func (w *world) yields(t *task) { w.yield(t) }

// signal wakes another, if it waits.
func (w *world) signal(other *task) func(*task) {
	return func(*task) {
		if other.state == waiting {
			other.block.Wait.Events = 0
			w.wake(other, Woken)
		}
	}
}

// calls makes a tick call.
func (w *world) calls(operation, a, b int64, answer *int64) func(*task) {
	return func(t *task) {
		w.shared.CallOperation, w.shared.CallA, w.shared.CallB = operation, a, b
		w.calling, t.answer = t, answer
	}
}

// call makes a tick call from the host, or from a callback.
func (w *world) call(operation, a, b int64) int64 {
	w.shared.CallOperation, w.shared.CallA, w.shared.CallB = operation, a, b
	w.s.serve()
	return w.shared.CallResult
}

// ---- The engine ----

// Run is Engine's, with the order of tick_run in tick.c.
func (w *world) Run(begin bool) {
	sh := &w.shared
	sh.Notify = 0
	if begin {
		w.now.join(&w.next)
		w.next, w.now = w.now, list{}
		w.beginning = true
		for ; sh.CallbackQuota > 0 && len(w.queue.posted) > 0; sh.CallbackQuota-- {
			callback := w.queue.posted[0]
			w.queue.posted = append(w.queue.posted[:0], w.queue.posted[1:]...)
			callback()
		}
		w.beginning = false
		if sh.Arrived.Swap(0) != 0 {
			w.wake(w.spawned[0], Woken)
		}
		for _, due := range sh.Due[:sh.DueCount] {
			w.deliver(due)
		}
		sh.DueCount = 0
		w.now.join(&w.next)
	}
	sh.Stop = StopDone
	for {
		t := w.calling
		if t != nil {
			w.calling = nil
			*t.answer = sh.CallResult
		} else if t = w.now.first; t == nil {
			break
		} else {
			w.now.first = t.link
		}
		t.goOn()
		if t.block == sh.Main {
			sh.Stop = StopMain
			break
		}
		t.body(t)
		if w.calling != nil {
			sh.Stop = StopCall
			break
		}
	}
	w.show()
}

func (w *world) deliver(due Due) {
	if due.Wait == nil {
		w.log = append(w.log, fmt.Sprintf("adopted%d:%#x", due.Object, due.Events))
		return
	}
	if due.Wait.is(due.Number) {
		t := w.bySlot[due.Wait.Task.Index]
		t.block.Wait.Events = due.Events
		if due.Reason == errTimedOut {
			count(&w.shared.TimersFired, 1)
		}
		w.wake(t, due.Reason)
	}
}

// Trim is Engine's.
func (w *world) Trim() bool {
	if w.poller.trims == 0 {
		return false
	}
	w.poller.trims--
	return true
}

// ---- Time ----

// tick runs one tick that does not block.
func (w *world) tick() {
	w.s.gather(Now)
	w.s.run(true)
}

// settle runs ticks until there is nothing to do at this time.
func (w *world) settle() {
	for ticks := 0; ticks == 0 || w.s.ready() || w.s.NextDeadline() <= w.clock || w.poller.shows(); ticks++ {
		if ticks == 10_000 {
			w.t.Fatal("never comes to rest")
		}
		w.tick()
	}
}

func (w *world) advanceTo(time int64) {
	w.clock = time
	w.settle()
}

// at has something happen while the scheduler sleeps.
func (w *world) at(time int64, do func()) {
	w.outside = append(w.outside, happening{time, do})
}

// mainWaits drives until main's wait is over and returns its reason.
func (w *world) mainWaits(fd int, events uint32, deadline int64) int32 {
	main := w.spawned[0]
	w.wait(main, fd, events, deadline)
	w.s.Drive()
	main.mustBe(running)
	return main.block.Reason
}

func (w *world) mainYields() {
	w.yield(w.spawned[0])
	w.show()
	w.s.Drive()
}

// ---- The queue ----

type fakeQueue struct {
	w      *world
	posted []func()
	asleep bool
	before func() // called by PrepareSleep: a post at the worst moment
}

// post is cothread_post from another thread.
func (q *fakeQueue) post(callback func()) {
	q.posted = append(q.posted, callback)
	q.wake()
}

// wake is queue_wake.
func (q *fakeQueue) wake() {
	if q.asleep {
		q.w.s.Poller().Wake()
	}
}

// arrive is what a thread does that leaves something for a task that waits: here for main.
func (w *world) arrive() {
	w.shared.Arrived.Store(1)
	w.queue.wake()
}

func (w *world) interrupt() {
	w.shared.Interrupted.Store(1)
	w.queue.wake()
}

// Pending is Queue's.
func (q *fakeQueue) Pending() uint64 { return uint64(len(q.posted)) }

// PrepareSleep is Queue's.
func (q *fakeQueue) PrepareSleep() bool {
	if q.before != nil {
		before := q.before
		q.before = nil
		before()
	}
	q.asleep = len(q.posted) == 0
	return q.asleep
}

// Awake is Queue's.
func (q *fakeQueue) Awake() { q.asleep = false }

// ---- The poller ----

const numbers = 4096 // descriptors the fake knows

type fakePoller struct {
	w          *world
	woken      bool
	numbers    [numbers]fakeDescriptor
	highest    int
	registered int
	arms       int
	timer      int64
	signalled  bool
	waits      []int64 // timeouts of the waits that could block, as long as there is room
	looks      int
	trims      int // slices of memory the engine has to give back
	drained    []int64
}

type fakeDescriptor struct {
	state  int // 0, edge or armed
	token  uint64
	wanted uint32
	level  uint32 // what it is ready for
	edge   bool   // and an edge was not reported
	broken error  // answer to AddEdge and Arm
}

const (
	fakeEdge = 1 + iota
	fakeArmed
)

var _ poll.Poller = (*fakePoller)(nil)

func newFakePoller(w *world) *fakePoller {
	return &fakePoller{w: w, timer: Forever, waits: make([]int64, 0, 256)}
}

// wasWoken says whether the poller was woken since it was last asked, or waited.
func (p *fakePoller) wasWoken() bool {
	woken := p.woken
	p.woken = false
	return woken
}

// becomes makes a descriptor ready for bits, and for nothing else.
func (p *fakePoller) becomes(fd int, bits uint32) {
	d := &p.numbers[fd]
	d.edge = d.edge || bits&^d.level != 0
	d.level = bits
}

func (p *fakePoller) register(fd, state int, token uint64, wanted uint32) error {
	if fd < 0 || fd >= len(p.numbers) {
		return poll.ErrBadDescriptor
	}
	d := &p.numbers[fd]
	if d.broken != nil {
		return d.broken
	}
	if d.state == fakeEdge || d.state == fakeArmed && state == fakeEdge {
		return poll.ErrExists
	}
	if d.state == 0 {
		p.registered++
	}
	p.highest = max(p.highest, fd)
	d.state, d.token, d.wanted, d.edge = state, token, wanted|poll.Error|poll.Hangup, d.level != 0
	return nil
}

func (p *fakePoller) forget(fd int) {
	p.numbers[fd].state = 0
	p.registered--
}

func (p *fakePoller) AddEdge(fd int, token uint64) error {
	return p.register(fd, fakeEdge, token, math.MaxUint32)
}

func (p *fakePoller) AddSource(fd int, token uint64) error {
	return p.register(fd, fakeEdge, token, poll.Readable)
}

func (p *fakePoller) RemoveEdge(fd int) error {
	if fd < 0 || fd >= len(p.numbers) || p.numbers[fd].state != fakeEdge {
		return syscall.ENOENT
	}
	p.forget(fd)
	return nil
}

func (p *fakePoller) Drained(fd int, events uint32) {
	p.drained = append(p.drained, int64(fd), int64(events))
}

func (p *fakePoller) Arm(fd int, token uint64, events uint32) error {
	p.arms++
	return p.register(fd, fakeArmed, token, events)
}

func (p *fakePoller) Disarm(fd int) {
	if fd < len(p.numbers) && p.numbers[fd].state == fakeArmed {
		p.forget(fd)
	}
}

// Wait is Poller's; the clock goes on to what ends it.
func (p *fakePoller) Wait(out []poll.Event, timeout int64) (int, bool) {
	w := p.w
	until := Forever
	if timeout > 0 {
		until = w.clock + timeout
	}
	if timeout == 0 {
		p.looks++
	} else if len(p.waits) < cap(p.waits) {
		p.waits = append(p.waits, timeout)
	}
	for {
		woken := p.wasWoken()
		if n := p.find(out); n > 0 || woken || timeout == 0 {
			return n, false
		}
		if p.signalled {
			p.signalled = false
			return 0, true
		}
		switch {
		case len(w.outside) > 0 && w.outside[0].time <= until:
			next := w.outside[0]
			w.outside = w.outside[1:]
			w.clock = max(w.clock, next.time)
			next.do()
		case timeout > 0:
			w.clock = until
			return 0, false
		default:
			w.t.Fatal("sleeps for ever")
		}
	}
}

// found returns what a look would report.
func (d *fakeDescriptor) found() uint32 {
	if d.state == 0 || !d.edge && d.state == fakeEdge {
		return 0
	}
	return d.level & d.wanted
}

// shows says whether Descriptor is readable for a descriptor.
func (p *fakePoller) shows() bool {
	return slices.ContainsFunc(p.numbers[:p.highest+1], func(d fakeDescriptor) bool { return d.found() != 0 })
}

func (p *fakePoller) find(out []poll.Event) (n int) {
	for fd := 0; fd <= p.highest && n < len(out); fd++ {
		d := &p.numbers[fd]
		found := d.found()
		if found == 0 {
			continue
		}
		out[n] = poll.Event{Token: d.token, Events: found}
		n++
		d.edge = false
		if d.state == fakeArmed {
			p.forget(fd)
		}
	}
	return n
}

func (p *fakePoller) Wake()           { p.woken = true }
func (p *fakePoller) Waker() int      { return 1 << 21 }
func (p *fakePoller) Descriptor() int { return 1 << 20 }
func (p *fakePoller) SetTimer(deadline int64) error {
	p.timer = deadline
	return nil
}
func (p *fakePoller) Registered() int { return p.registered }
func (p *fakePoller) Close()          {}
