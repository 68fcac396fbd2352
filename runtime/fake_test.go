// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"cothread/poll"
)

// world is all that the kernel half touches, without a kernel: a clock that moves only when the poller waits or a test
// says so, an engine whose tasks are Go functions, a queue and a poller. A test fails if a task is left over.
type world struct {
	t      testing.TB
	s      *Scheduler
	shared Shared
	due    [DueCapacity]Due
	chunks [chunks]unsafe.Pointer

	clock   int64
	events  []event // what the world outside does, by time
	poller  *fakePoller
	queue   fakeQueue
	outside poll.Poller // instead of poller, if not nil

	tasks            []*task // by slot
	all              []*task // that ever were
	free             list
	now, next, host  list
	calling, current *task
	callbacks        bool // of a tick run
	log              []string
}

type event struct {
	time int64
	run  func()
}

const start = 1000 // what the clock shows at first: CLOCK_MONOTONIC is never 0

const (
	free    = 0
	ready   = 1
	running = 2
	waiting = stateWaiting
	ended   = 4

	flagHost = 4 // of native.h
)

// newWorld returns a self-driven scheduler, or a hosted one that has no main.
func newWorld(t testing.TB, options ...func(*world)) *world {
	w := &world{t: t, clock: start}
	w.shared.Due = &w.due
	w.shared.Tasks = &w.chunks
	w.shared.BlockSize = unsafe.Sizeof(Block{})
	w.shared.CallbackBudget = 4
	w.poller = &fakePoller{w: w, wake: eventfd(t), timer: Forever}
	w.queue.w = w
	var main *task
	for i, f := range []func(*task){nil} {
		main = w.newTask(f)
		main.name = fmt.Sprint("main", i)
	}
	w.shared.Main = main.block
	for _, o := range options {
		o(w)
	}
	poller := poll.Poller(w.poller)
	if w.outside != nil {
		poller = w.outside
	}
	s, err := New(&w.shared, w, &w.queue, poller, func() int64 { return w.clock })
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
	t.Cleanup(func() {
		for _, task := range w.all[1:] {
			if task.state != ended && !t.Failed() {
				t.Errorf("%s is left over, %s", task.name, stateNames[task.state])
			}
		}
		s.Close()
	})
	return w
}

func hosted(w *world) { w.shared.Main = nil }

func hostPolls(w *world) {
	hosted(w)
	host, err := poll.NewHost()
	if err != nil {
		w.t.Fatal(err)
	}
	w.outside = host
}

func eventfd(t testing.TB) int {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// isWritten reads an eventfd empty and says whether it was not.
func isWritten(fd int) bool {
	var counter [8]byte
	n, _ := unix.Read(fd, counter[:])
	return n == 8
}

// ---- Tasks ----

// task is a task whose body is called at each of its turns: it begins a wait, yields or ends.
type task struct {
	name    string
	block   *Block
	state   uint8
	body    func(*task)
	link    *task
	host    bool
	reason  int32  // of its last wait's end
	got     uint32 // the bits
	turns   int
	wakes   int // ends of waits
	stopped bool
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

func (l *list) pop() *task {
	t := l.first
	l.first = t.link
	return t
}

// join appends what is in other.
func (l *list) join(other *list) {
	if other.first == nil {
		return
	}
	if l.first == nil {
		*l = *other
	} else {
		l.last.link, l.last = other.first, other.last
	}
	other.first = nil
}

func (t *task) set(state uint8) { t.state, t.block.State = state, state }

func (t *task) mustBe(w *world, state uint8) {
	w.t.Helper()
	if t.state != state {
		w.t.Fatalf("%s is %s, want %s", t.name, stateNames[t.state], stateNames[state])
	}
}

var stateNames = [...]string{"free", "ready", "running", "waiting", "ended"}

func (w *world) newTask(body func(*task)) *task {
	t := &task{body: body}
	if old := w.free.first; old != nil {
		w.free.pop()
		t.block = old.block
		t.block.Flags &= flagOnArmed
		t.block.Events = 0
	} else {
		index := len(w.tasks)
		if index%(1<<chunkBits) == 0 {
			w.chunks[index>>chunkBits] = unsafe.Pointer(&make([]Block, 1<<chunkBits)[0])
		}
		t.block = w.shared.block(uint32(index))
		t.block.Index = uint32(index)
		w.tasks = append(w.tasks, nil)
	}
	w.tasks[t.block.Index] = t
	t.block.Deadline = Forever
	t.name = fmt.Sprint("task ", len(w.all))
	t.set(running)
	w.all = append(w.all, t)
	return t
}

// spawn makes a task that does each step in one turn; a step that does not suspend goes on with the next.
func (w *world) spawn(steps ...func(*task)) *task {
	done := 0
	return w.spawnBody(func(t *task) {
		for done < len(steps) && t.state == running {
			done++
			steps[done-1](t)
		}
		if done == len(steps) && t.state == running {
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
	return t
}

func (w *world) end(t *task) {
	t.set(ended)
	w.free.append(&task{block: t.block})
}

func (w *world) endAll(tasks ...*task) {
	for _, t := range tasks {
		w.end(t)
	}
}

func (w *world) makeReady(t *task) {
	t.set(ready)
	switch {
	case t.host:
		w.host.append(t)
		w.shared.HostFirst = t.block
	case w.callbacks:
		w.next.append(t)
		w.shared.NextFirst = w.next.first.block
	default:
		w.now.append(t)
		w.shared.NowFirst = w.now.first.block
	}
	if w.shared.Notify != 0 {
		w.shared.Notify = 0
		w.s.wakeSelf()
	}
}

// wait begins a wait of t: what wait_begin in waiting.h does.
func (w *world) wait(t *task, fd int, events uint32, deadline int64) {
	b := t.block
	t.set(waiting)
	b.Wait++
	b.Deadline, b.FD, b.Events = deadline, int32(fd), events
	if (deadline != Forever || events != 0) && b.Flags&flagOnArmed == 0 {
		b.Flags |= flagOnArmed
		b.ArmedNext = nil
		if w.shared.ArmedLast != nil {
			w.shared.ArmedLast.ArmedNext = b
		} else {
			w.shared.ArmedFirst = b
		}
		w.shared.ArmedLast = b
	}
}

// wake ends the wait of t.
func (w *world) wake(t *task, reason int32) {
	if t.state != waiting {
		w.t.Fatalf("%s is woken and is %s", t.name, stateNames[t.state])
	}
	t.block.Deadline = Forever
	t.block.Reason, t.reason = reason, reason
	t.wakes++
	w.makeReady(t)
}

func (w *world) yield(t *task) {
	t.set(ready)
	t.block.Reason = 0
	w.next.append(t)
	w.shared.NextFirst = w.next.first.block
}

// The steps of tasks.

func (w *world) note(text string) func(*task) {
	return func(*task) { w.log = append(w.log, text) }
}

func (w *world) sleepUntil(deadline int64) func(*task) {
	return func(t *task) { w.wait(t, 0, 0, deadline) }
}

func (w *world) waitFD(fd int, events uint32, deadline int64) func(*task) {
	return func(t *task) { w.wait(t, fd, events, deadline) }
}

func (w *world) yields(t *task) { w.yield(t) }

// wakes ends another's wait as a signal does.
func (w *world) wakes(other *task) func(*task) {
	return func(*task) {
		if other.state == waiting {
			w.wake(other, Woken)
		}
	}
}

// calls makes a kernel call; answer gets the result.
func (w *world) calls(operation, a, b int64, answer *int64) func(*task) {
	asked := false
	return func(t *task) {
		if asked {
			return
		}
		asked = true
		w.shared.CallOperation, w.shared.CallA, w.shared.CallB = operation, a, b
		w.shared.Stop = StopCall
		w.calling = t
		w.s.callsWhileRunning(t, answer)
	}
}

// callsWhileRunning is a name for what happens next: Run returns, Scheduler.run serves, Run goes on with t.
func (s *Scheduler) callsWhileRunning(*task, *int64) {}

func (w *world) mustLog(want string) {
	w.t.Helper()
	if got := strings.Join(w.log, " "); got != want {
		w.t.Fatalf("the order is\n%s\nwant\n%s", got, want)
	}
	w.log = w.log[:0]
}

var _ = math.MaxInt64
