// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"cothread/poll"
)

// model is a crowd of tasks, native and the host's, that wait for a few descriptors at random,
// while waits time out, are cancelled and withdrawn and descriptors are closed. A descriptor holds
// units of each direction: it is ready while it has one, and each task that is told so takes one.
// So three faults show: units are left and somebody waits for them; a task is woken and finds none;
// a task is served before one that came earlier.
type model struct {
	*world
	random *rand.Rand
	host   *poll.Host // or nil
	fds    []int
	units  map[int]*[directions]int
	hangup map[int]bool
	tasks  []*modelTask
	closed int
	served int
}

type modelTask struct {
	*task
	fd     int
	wanted uint32 // 0: it does not wait for a descriptor
	place  uint64
	over   bool // it ends at its next turn
}

const errCanceled = -11

func newModel(t *testing.T, seed uint64, listed bool) *model {
	m := &model{random: rand.New(rand.NewPCG(seed, 0))}
	m.units, m.hangup = map[int]*[directions]int{}, map[int]bool{}
	if listed {
		m.world, m.host = newListed(t)
	} else {
		m.world = newHosted(t)
	}
	for range 3 {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // a list takes no number that is not open
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		m.fds = append(m.fds, fd)
		m.units[fd] = new([directions]int)
	}
	for range 16 {
		mt := &modelTask{}
		mt.task = m.spawnBody(func(*task) { m.turn(mt) })
		m.tasks = append(m.tasks, mt)
	}
	for range 8 {
		mt := &modelTask{task: m.spawnHost()}
		m.tasks = append(m.tasks, mt)
	}
	return m
}

func (m *model) level(fd int) (bits uint32) {
	if m.units[fd] == nil {
		return 0
	}
	for i, units := range m.units[fd] {
		if units > 0 {
			bits |= queueEvents[i]
		}
	}
	if m.hangup[fd] {
		bits |= poll.Hangup
	}
	return bits
}

func (m *model) any() *modelTask { return m.tasks[m.random.IntN(len(m.tasks))] }
func (m *model) anyFD() int      { return m.fds[m.random.IntN(len(m.fds))] }

// take is what a task does that was told bits.
func (m *model) take(mt *modelTask, fd int, bits, place uint64) {
	if bits&poll.Hangup != 0 {
		return
	}
	for i, event := range queueEvents[:directions] {
		if bits&uint64(event) == 0 {
			continue
		}
		if m.units[fd][i] == 0 {
			m.t.Fatalf("%s was woken for %#x of %d for nothing", mt.name, event, fd)
		}
		for _, other := range m.tasks {
			if other.state == waiting && other.wanted&event != 0 && other.fd == fd && other.place < place {
				m.t.Fatalf("%s was served before %s", mt.name, other.name)
			}
		}
		m.units[fd][i]--
		m.served++
	}
	m.poller.becomes(fd, m.level(fd))
}

// turn is a task's: it takes what it was told of, and goes on with something else.
func (m *model) turn(mt *modelTask) {
	fd, wanted, place := mt.fd, mt.wanted, mt.place
	mt.wanted = 0
	if wanted != 0 && mt.reason == Woken {
		if mt.bits == 0 || mt.bits&^(wanted|poll.Hangup) != 0 {
			m.t.Fatalf("%s wanted %#x and was told %#x", mt.name, wanted, mt.bits)
		}
		m.take(mt, fd, uint64(mt.bits), place)
	}
	if mt.over {
		m.end(mt.task)
		return
	}
	switch chance := m.random.IntN(20); {
	case chance < 2 && !mt.host:
		m.yield(mt.task)
		mt.reason, mt.bits = errCanceled, 0
	case chance < 3:
		m.wait(mt.task, 0, 0, m.clock+int64(m.random.IntN(50)))
	case chance < 4 && !mt.host:
		m.closed += int(m.call(callWakeFD, int64(m.anyFD()), 0))
		fallthrough
	default:
		m.begin(mt)
	}
}

// begin is cothread_wait_fd: it looks first, but not for what somebody is ahead for.
func (m *model) begin(mt *modelTask) {
	events := uint32(0)
	for events == 0 {
		for _, event := range queueEvents {
			if m.random.IntN(3) == 0 {
				events |= event
			}
		}
	}
	mt.fd = m.anyFD()
	ahead := uint32(0)
	for _, other := range m.tasks {
		if other != mt && other.wanted != 0 && other.fd == mt.fd {
			ahead |= other.wanted
		}
	}
	if got := m.level(mt.fd) & (events&^ahead | poll.Hangup); got != 0 && !mt.host {
		m.take(mt, mt.fd, uint64(got), m.arrivals)
		m.yield(mt.task)
		mt.reason, mt.bits = errCanceled, 0
		return
	}
	deadline := Forever
	if m.random.IntN(3) == 0 {
		deadline = m.clock + int64(m.random.IntN(30))
	}
	m.wait(mt.task, mt.fd, events, deadline)
	mt.wanted, mt.place = events, m.arrivals
}

func (m *model) cancel(mt *modelTask) {
	if mt.state == waiting {
		m.wake(mt.task, errCanceled)
	}
}

// happens is what comes from outside.
func (m *model) happens() {
	switch m.random.IntN(9) {
	case 0, 1, 2, 3:
		fd := m.anyFD()
		m.units[fd][m.random.IntN(directions)] += 1 + m.random.IntN(3)
		m.poller.becomes(fd, m.level(fd))
	case 4:
		m.cancel(m.any())
	case 5:
		mt := m.any()
		m.queue.post(func() { m.cancel(mt) })
	case 6:
		fd := m.anyFD()
		m.queue.post(func() { m.closed += int(m.call(callWakeFD, int64(fd), 0)) })
	case 7:
		m.clock += int64(m.random.IntN(20))
	case 8:
		if mt := m.any(); mt.host && (mt.state == waiting || mt.state == ready) {
			m.withdraw(mt.task)
			mt.wanted, mt.reason, mt.bits = 0, errCanceled, 0
			m.turn(mt)
		} else if m.random.IntN(20) == 0 {
			fd := m.anyFD()
			m.hangup[fd] = !m.hangup[fd]
			m.poller.becomes(fd, m.level(fd))
		}
	}
}

// pass is a turn of the host's loop; with late, the batch had no room for anybody.
func (m *model) pass(late bool) {
	m.s.Settle()
	if m.host != nil {
		list := make([]poll.HostInterest, 1+len(m.fds))
		for _, entry := range list[:m.host.List(list)] {
			if found := m.level(int(entry.FD)) & (uint32(entry.Events) | poll.Hangup); found != 0 {
				m.host.Deliver(int(entry.FD), found)
			}
		}
	}
	m.s.Poll(Now)
	if late {
		return
	}
	m.batch()
	for _, mt := range m.tasks {
		if mt.host && mt.state == running {
			m.turn(mt)
		}
	}
}

// rest goes on until nothing happens by itself.
func (m *model) rest() {
	for _, fd := range m.fds { // with a hangup nobody would ever wait
		m.hangup[fd] = false
		m.poller.becomes(fd, m.level(fd))
	}
	for quiet, passes := 0, 0; quiet < 3; passes++ {
		if passes == 10_000 {
			m.t.Fatal("never comes to rest")
		}
		before := m.wakes()
		m.pass(false)
		if m.wakes() == before && !m.s.ready() && len(m.queue.posted) == 0 {
			quiet++
		} else {
			quiet = 0
		}
	}
	for _, mt := range m.tasks {
		if mt.state == waiting && mt.wanted&m.level(mt.fd) != 0 {
			m.t.Fatalf("%s waits for %#x of %d, which has %v", mt.name, mt.wanted, mt.fd, *m.units[mt.fd])
		}
	}
}

func (m *model) wakes() (wakes int) {
	for _, mt := range m.tasks {
		wakes += mt.task.wakes
	}
	return wakes
}

func TestNothingIsLeftThatATaskWaitsForAndNoTaskIsWokenForNothing(t *testing.T) {
	const seeds = 20
	served, closed := 0, 0
	for seed := range uint64(seeds) {
		for _, listed := range []bool{false, true} {
			t.Run(fmt.Sprint("seed ", seed, " listed ", listed), func(t *testing.T) {
				m := newModel(t, seed, listed)
				m.pass(false)
				for range 300 {
					for range m.random.IntN(6) {
						m.happens()
					}
					if m.random.IntN(4) == 0 {
						m.rest()
					} else {
						m.pass(m.random.IntN(4) == 0)
					}
				}
				m.rest()
				m.finish()
				served, closed = served+m.served, closed+m.closed
			})
		}
	}
	if !t.Failed() && (served < 100*seeds || closed < 10*seeds) {
		t.Fatalf("only %d units were taken and %d waits closed", served, closed)
	}
}

// finish cancels everyone; each ends at its next turn.
func (m *model) finish() {
	for _, mt := range m.tasks {
		mt.over = true
	}
	for range 3 {
		for _, mt := range m.tasks {
			m.cancel(mt)
		}
		m.pass(false)
	}
}
