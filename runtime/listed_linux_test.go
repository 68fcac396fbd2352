// SPDX-License-Identifier: Apache-2.0

package runtime

import (
	"testing"

	"golang.org/x/sys/unix"

	"cothread/poll"
)

// ---- A loop that can only poll lists: with the real poller, whose list it polls ----

// newListed returns a world whose host waits for a list.
func newListed(t testing.TB) (*world, *poll.Host) {
	host, err := poll.NewHost()
	if err != nil {
		t.Fatal(err)
	}
	w := prepareWorld(t)
	w.begin(host)
	return w, host
}

// mustTell says whether the loop was told that its list changed or that a poll has something to do.
func mustTell(t testing.TB, host *poll.Host, what string, want bool) {
	t.Helper()
	var counter [8]byte
	n, _ := unix.Read(host.Waker(), counter[:])
	must(t, what, n == len(counter), want)
}

func TestAHostThatPollsListsIsNeverBlocked(t *testing.T) {
	w, host := newListed(t)
	task := w.spawnHost()
	w.hostWaits(task, 0, 0, 2000)
	must(t, "batch", w.poll(Forever), "")
	must(t, "ticks", w.shared.Ticks.Load(), 1)
	must(t, "clock", w.clock, start)
	w.clock = 2000
	must(t, "batch", w.poll(Forever), "task 1:-10 ")

	w.spawn(w.yields, w.yields, w.note("native"))
	mustTell(t, host, "a spawn", true)
	w.poll(Forever) // as long as there is something to run
	w.mustLog("native")
	host.List(nil)
	mustTell(t, host, "with nothing to do", false)
	w.end(task)
}

func TestAHostThatPollsListsIsToldOfWhatChanges(t *testing.T) {
	w, host := newListed(t)
	descriptor, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // any descriptor that is open
	must(t, "error", err, nil)
	defer func() { _ = unix.Close(descriptor) }()
	task := w.spawnHost()
	w.poll(Now)
	var interests [4]poll.HostInterest
	must(t, "entries", host.List(interests[:]), 1)

	w.hostWaits(task, descriptor, in, Forever)
	mustTell(t, host, "a new entry", true)
	must(t, "entries", host.List(interests[:]), 2)
	must(t, "the entry", interests[1], poll.HostInterest{FD: int32(descriptor), Events: in})
	host.Deliver(descriptor, in)
	must(t, "batch", w.poll(Forever), "task 1:0 ")
	task.mustHave(Woken, in)
	must(t, "entries", host.List(interests[:]), 1)

	w.queue.post(func() {})
	mustTell(t, host, "a callback", true)
	w.poll(Forever)
	w.end(task)
}

func TestALoopThatPollsListsIsAskedForTheNextTask(t *testing.T) {
	w, host := newListed(t)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	for i := range 3 {
		w.spawn(w.waitFD(fd, in, Forever), w.note("task%d", i))
	}
	w.poll(Now)
	for _, want := range []string{"task0", "task1", "task2"} {
		interests := make([]poll.HostInterest, 4)
		must(t, "entries", host.List(interests), 2)
		must(t, "the entry", interests[1], poll.HostInterest{FD: int32(fd), Events: in})
		host.Deliver(fd, in)
		w.poll(Now)
		w.mustLog(want)
	}
	must(t, "entries", host.List(nil), 1)
}
