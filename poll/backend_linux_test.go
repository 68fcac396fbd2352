// SPDX-License-Identifier: Apache-2.0

package poll

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// soon bounds the wait for what is there or is about to come, so that a report that was lost fails its test.
const soon = int64(60e9)

// A backend is a Poller and a way to wait with it: its own, or the loop around a Host.
type backend struct {
	Poller
	wait func(timeout int64) []Event
}

// onEachBackend runs a test of what all of them promise.
func onEachBackend(t *testing.T, test func(t *testing.T, b backend)) {
	t.Run("epoll", func(t *testing.T) {
		p := newEpoll(t)
		test(t, backend{p, func(timeout int64) []Event { return wait(p, timeout) }})
	})
	t.Run("epoll in milliseconds", func(t *testing.T) {
		p := newEpoll(t)
		p.coarse = true
		test(t, backend{p, func(timeout int64) []Event { return wait(p, timeout) }})
	})
	t.Run("host", func(t *testing.T) {
		h := newHost(t)
		test(t, backend{h, func(timeout int64) []Event { pollList(t, h, timeout); return wait(h, 0) }})
	})
}

func newEpoll(t *testing.T) *Epoll {
	t.Helper()
	p, err := NewEpoll()
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

func newHost(t *testing.T) *Host {
	t.Helper()
	h, err := NewHost()
	must(t, err)
	t.Cleanup(h.Close)
	return h
}

// wait waits once; signals do not count, the collector sends some.
func wait(p Poller, timeout int64) []Event {
	var out [8]Event
	for {
		if n, interrupted := p.Wait(out[:], timeout); !interrupted {
			return out[:n]
		}
	}
}

// pollList is one round of a loop that can only poll lists, up to its next poll_scheduler. It returns the
// descriptors found.
func pollList(t *testing.T, h *Host, timeout int64) []int {
	t.Helper()
	var interests [16]HostInterest
	return pollAndDeliver(t, h, interests[:h.List(interests[:])], timeout)
}

func pollAndDeliver(t *testing.T, h *Host, interests []HostInterest, timeout int64) (found []int) {
	t.Helper()
	fds := make([]unix.PollFd, len(interests))
	for i, interest := range interests {
		fds[i] = unix.PollFd{Fd: int32(interest.FD), Events: int16(interest.Events)}
	}
	_, err := unix.Poll(fds, int(timeout/1e6))
	for err == unix.EINTR {
		_, err = unix.Poll(fds, int(timeout/1e6))
	}
	must(t, err)
	for _, fd := range fds {
		if fd.Revents != 0 {
			found = append(found, int(fd.Fd))
			h.Deliver(int(fd.Fd), uint32(fd.Revents))
		}
	}
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || (want == nil && got != nil) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func mustReport(t *testing.T, got []Event, want ...Event) {
	t.Helper()
	if len(got)+len(want) != 0 && !reflect.DeepEqual(got, want) {
		t.Fatalf("reported %x, want %x", got, want)
	}
}

// pipe and pair return two non-blocking ends; what is still open is closed at the end.
func pipe(t *testing.T) (reader, writer int) {
	t.Helper()
	var fds [2]int
	must(t, unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	return closeLater(t, fds[0]), closeLater(t, fds[1])
}

func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	return closeLater(t, fds[0]), closeLater(t, fds[1])
}

// closeLater is for descriptors that a test may have closed itself: these tests do not run in parallel, so
// no number is anybody else's by then.
func closeLater(t *testing.T, fd int) int {
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func write(t *testing.T, fd int, text string) {
	t.Helper()
	_, err := unix.Write(fd, []byte(text))
	must(t, err)
}

func read(t *testing.T, fd, most int) string {
	t.Helper()
	buffer := make([]byte, most)
	n, err := unix.Read(fd, buffer)
	must(t, err)
	return string(buffer[:n])
}

// wakeFromC is system_wake.
func wakeFromC(p Poller) {
	_, _ = unix.Write(p.Waker(), []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

func TestUnreadDataIsReportedAgainWhenArmedAgain(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		write(t, writer, "abcdef")
		for token, rest := uint64(1), "abcdef"; rest != ""; token, rest = token+1, rest[2:] {
			must(t, b.Arm(reader, token, Readable))
			mustReport(t, b.wait(soon), Event{token, Readable})
			if got := read(t, reader, 2); got != rest[:2] {
				t.Fatalf("read %q, want %q", got, rest[:2])
			}
		}
		must(t, b.Arm(reader, 9, Readable))
		mustReport(t, b.wait(0))
	})
}

func TestAnArmIsReportedOnce(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		write(t, writer, "x")
		must(t, b.Arm(reader, 1, Readable))
		mustReport(t, b.wait(soon), Event{1, Readable})
		write(t, writer, "y")
		mustReport(t, b.wait(0))
	})
}

func TestAnArmReplacesTheOneBefore(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		a, other := pair(t)
		write(t, other, "x")
		must(t, b.Arm(a, 1, Readable))
		must(t, b.Arm(a, 2, Writable))
		mustReport(t, b.wait(soon), Event{2, Writable})
		mustReport(t, b.wait(0))
	})
}

func TestADisarmedDescriptorIsNotReported(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		must(t, b.Arm(reader, 1, Readable))
		b.Disarm(reader)
		write(t, writer, "x")
		mustReport(t, b.wait(0))
		b.Disarm(reader) // again, and of a number that was never seen, does nothing
		b.Disarm(1 << 20)
		b.Disarm(-1)
	})
}

func TestAnArmFollowsAReusedNumber(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		first, firstWriter := pipe(t)
		second, secondWriter := pipe(t)
		write(t, firstWriter, "x")
		must(t, b.Arm(first, 1, Readable))
		mustReport(t, b.wait(soon), Event{1, Readable})
		must(t, unix.Dup3(second, first, unix.O_CLOEXEC)) // closes first and reuses its number

		must(t, b.Arm(first, 2, Readable))
		mustReport(t, b.wait(0))
		write(t, secondWriter, "y")
		mustReport(t, b.wait(soon), Event{2, Readable})
	})
}

func TestAnArmFollowsANumberReusedWhileItWasPending(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		first, _ := pipe(t)
		second, secondWriter := pipe(t)
		must(t, b.Arm(first, 1, Readable))
		must(t, unix.Dup3(second, first, unix.O_CLOEXEC))
		write(t, secondWriter, "y")
		must(t, b.Arm(first, 2, Readable))
		mustReport(t, b.wait(soon), Event{2, Readable})
		if b.Registered() != 0 {
			t.Fatalf("%d registered, want 0", b.Registered())
		}
	})
}

func TestAnArmMadeAgainIsReportedUnderItsLastToken(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		must(t, b.Arm(reader, 1, Readable))
		must(t, b.Arm(reader, 2, Readable)) // nothing has come
		write(t, writer, "x")
		must(t, b.Arm(reader, 3, Readable)) // something has
		mustReport(t, b.wait(soon), Event{3, Readable})
		mustReport(t, b.wait(0))
		if b.Registered() != 0 {
			t.Fatalf("%d registered, want 0", b.Registered())
		}
	})
}

func TestAnArmFollowsANumberThatGetsItsFirstFileBack(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		number, firstWriter := pipe(t)
		second, secondWriter := pipe(t)
		first, err := unix.Dup(number)
		must(t, err)
		closeLater(t, first)
		must(t, b.Arm(number, 1, Readable))
		for token := uint64(2); token < 8; token += 2 {
			must(t, unix.Dup3(second, number, unix.O_CLOEXEC))
			must(t, b.Arm(number, token, Readable))
			must(t, unix.Dup3(first, number, unix.O_CLOEXEC))
			must(t, b.Arm(number, token+1, Readable))
			write(t, secondWriter, "y")
			mustReport(t, b.wait(0))
			write(t, firstWriter, "x")
			mustReport(t, b.wait(soon), Event{token + 1, Readable})
			read(t, first, 1)
			read(t, second, 1)
			must(t, b.Arm(number, 9, Readable))
			b.Disarm(number)
			must(t, b.Arm(number, 9, Readable))
		}
	})
}

func TestErrorAndHangupNeedNotBeAskedFor(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		must(t, b.Arm(reader, 1, Readable))
		must(t, unix.Close(writer))
		mustReport(t, b.wait(soon), Event{1, Hangup})

		reader, writer = pipe(t)
		must(t, unix.Close(reader))
		must(t, b.Arm(writer, 2, Readable))
		mustReport(t, b.wait(soon), Event{2, Error})
	})
}

func TestDataAndTheEndArrivingTogetherAreOneReport(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		armed, peerOfArmed := pair(t)
		edge, peerOfEdge := pair(t)
		must(t, b.Arm(armed, 1, Readable|ReadHangup))
		must(t, b.AddEdge(edge, 2))
		mustReport(t, b.wait(soon), Event{2, Writable})
		for _, peer := range []int{peerOfArmed, peerOfEdge} {
			write(t, peer, "0123456789")
			must(t, unix.Shutdown(peer, unix.SHUT_WR))
		}
		got := map[uint64]uint32{}
		for _, e := range b.wait(soon) {
			got[e.Token] |= e.Events &^ Writable // epoll repeats what an edge is ready for, a list does not
		}
		want := map[uint64]uint32{1: Readable | ReadHangup, 2: Readable | ReadHangup}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("reported %x, want %x", got, want)
		}
	})
}

func TestAnEdgeIsReportedWhenItComesNotWhileItLasts(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		write(t, writer, "x")
		must(t, b.AddEdge(reader, 1)) // what is there before counts as coming
		mustReport(t, b.wait(soon), Event{1, Readable})
		mustReport(t, b.wait(0))

		read(t, reader, 10)
		b.Drained(reader, Readable)
		mustReport(t, b.wait(0))

		for range 3 {
			write(t, writer, "x")
			mustReport(t, b.wait(soon), Event{1, Readable})
			read(t, reader, 10)
			b.Drained(reader, Readable)
		}
	})
}

func TestASourceThatIsReadEmptyIsReportedEachTime(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pair(t) // always writable, which nobody asks for
		must(t, b.AddSource(reader, 1))
		mustReport(t, b.wait(0))
		for range 3 {
			write(t, writer, "x")
			mustReport(t, b.wait(soon), Event{1, Readable})
			read(t, reader, 10)
			mustReport(t, b.wait(0))
		}
		mustBe(t, b.AddEdge(reader, 2), ErrExists)
		must(t, b.RemoveEdge(reader))
		write(t, writer, "x")
		mustReport(t, b.wait(0))
	})
}

func TestNothingIsLostBetweenReadingTheLastByteAndDrained(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		must(t, b.AddEdge(reader, 1))
		write(t, writer, "x")
		mustReport(t, b.wait(soon), Event{1, Readable})
		read(t, reader, 10)
		write(t, writer, "y")
		b.Drained(reader, Readable)
		mustReport(t, b.wait(soon), Event{1, Readable})
	})
}

func TestARemovedEdgeIsNotReported(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		must(t, b.AddEdge(reader, 1))
		write(t, writer, "x")
		must(t, b.RemoveEdge(reader))
		mustReport(t, b.wait(0))
		mustBe(t, b.RemoveEdge(reader), unix.ENOENT)

		must(t, b.AddEdge(reader, 2))
		mustReport(t, b.wait(soon), Event{2, Readable})
	})
}

func TestADescriptorIsRegisteredInOneWay(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		a, other := pair(t)
		must(t, b.AddEdge(a, 1))
		mustBe(t, b.AddEdge(a, 2), ErrExists)
		mustBe(t, b.Arm(a, 3, Readable), ErrExists)
		b.Disarm(a)
		write(t, other, "x")
		mustReport(t, b.wait(soon), Event{1, Readable | Writable})

		must(t, b.Arm(other, 4, Readable))
		mustBe(t, b.AddEdge(other, 5), ErrExists)
		mustBe(t, b.RemoveEdge(other), unix.ENOENT)
		must(t, b.Arm(other, 6, Writable))
		mustReport(t, b.wait(soon), Event{6, Writable})
		must(t, b.AddEdge(other, 7)) // the arm is spent
		mustReport(t, b.wait(soon), Event{7, Writable})
	})
}

func TestWhatIsAlwaysReadyIsRefused(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		file, err := os.Create(filepath.Join(t.TempDir(), "regular"))
		must(t, err)
		defer func() { must(t, file.Close()) }()
		directory, err := os.Open(t.TempDir())
		must(t, err)
		defer func() { must(t, directory.Close()) }()
		for _, f := range []*os.File{file, directory} {
			mustBe(t, b.Arm(int(f.Fd()), 1, Readable), ErrAlwaysReady)
			mustBe(t, b.AddEdge(int(f.Fd()), 1), ErrAlwaysReady)
		}
		if b.Registered() != 0 {
			t.Fatalf("%d registered, want 0", b.Registered())
		}
	})
}

func TestWhatIsNotOpenIsRefused(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		must(t, unix.Close(reader))
		for _, fd := range []int{-1, reader, writer + 1<<32} {
			mustBe(t, b.Arm(fd, 1, Readable), ErrBadDescriptor)
			mustBe(t, b.AddEdge(fd, 1), ErrBadDescriptor)
			mustBe(t, b.RemoveEdge(fd), unix.ENOENT)
		}
	})
}

func TestRegisteredCountsEdgesAndPendingArms(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		count := func(want int) {
			t.Helper()
			if got := b.Registered(); got != want {
				t.Fatalf("%d registered, want %d", got, want)
			}
		}
		reader, writer := pipe(t)
		a, _ := pair(t)
		count(0)
		must(t, b.Arm(reader, 1, Readable))
		must(t, b.Arm(reader, 2, Readable))
		count(1)
		must(t, b.AddEdge(a, 3))
		count(2)
		mustReport(t, b.wait(soon), Event{3, Writable})
		count(2)
		write(t, writer, "x")
		mustReport(t, b.wait(soon), Event{2, Readable})
		count(1)
		b.Disarm(reader)
		count(1)
		must(t, b.RemoveEdge(a))
		count(0)
	})
}

func TestEveryTokenIsAllowed(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		_, writer := pipe(t)
		for _, token := range []uint64{0, 1, 1 << 63, ^uint64(0) - 1, ^uint64(0)} {
			must(t, b.Arm(writer, token, Writable))
			mustReport(t, b.wait(soon), Event{token, Writable})
		}
	})
}

func TestMoreReportsThanRoomComeWithTheNextWait(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		seen := map[uint64]bool{}
		for token := range uint64(3) {
			_, writer := pipe(t)
			must(t, b.Arm(writer, token, Writable))
		}
		if h, ok := b.Poller.(*Host); ok {
			pollList(t, h, soon)
		}
		for range 3 {
			var out [1]Event
			if n, _ := b.Wait(out[:], 0); n != 1 {
				t.Fatalf("reported %d, want 1", n)
			}
			seen[out[0].Token] = true
		}
		if len(seen) != 3 {
			t.Fatalf("reported tokens %v, want 0, 1 and 2", seen)
		}
	})
}

func TestAWakeBeforeAWaitEndsItAndManyCountAsOne(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		for range 3 { // the eventfd's counter is never 0 again in an epoll set, yet each wake counts
			for range 5 {
				wakeFromC(b)
				b.Wake()
			}
			mustReport(t, b.wait(soon))

			// Had one of the ten been left, this would end without a report.
			_, writer := pipe(t)
			must(t, b.Arm(writer, 1, Writable))
			mustReport(t, b.wait(soon), Event{1, Writable})
		}
	})
}

func TestADescriptorOfHighNumber(t *testing.T) {
	onEachBackend(t, func(t *testing.T, b backend) {
		reader, writer := pipe(t)
		var limit unix.Rlimit
		must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
		high := closeLater(t, int(min(limit.Cur, 1<<20))-1)
		must(t, unix.Dup3(reader, high, unix.O_CLOEXEC))
		must(t, b.Arm(high, 1, Readable))
		write(t, writer, "x")
		mustReport(t, b.wait(soon), Event{1, Readable})
	})
}

func TestEverythingIsCloseOnExec(t *testing.T) {
	p := newEpoll(t)
	must(t, p.SetTimer(1))
	for _, fd := range []int{p.fd, p.wake, p.timer, newHost(t).wake} {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		must(t, err)
		if flags&unix.FD_CLOEXEC == 0 {
			t.Fatalf("descriptor %d stays open across exec", fd)
		}
	}
}

func TestRunningOutOfDescriptorsLeavesNothingBehind(t *testing.T) {
	p := newEpoll(t)
	free, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0) // the lowest free number
	must(t, err)
	must(t, unix.Close(free))

	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	defer func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }()
	allow := func(more int) {
		lowered := limit
		lowered.Cur = uint64(free + more)
		must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &lowered))
	}

	allow(0)
	_, err = NewHost()
	mustBe(t, err, ErrLimit)
	mustBe(t, p.SetTimer(1), ErrLimit)
	for opened := range 2 { // of the two that NewEpoll needs
		allow(opened)
		_, err = NewEpoll()
		mustBe(t, err, ErrLimit)
		if _, err := unix.FcntlInt(uintptr(free), unix.F_GETFD, 0); err != unix.EBADF {
			t.Fatalf("NewEpoll failed with %d descriptors opened and left one open", opened)
		}
	}
	allow(1)
	must(t, p.SetTimer(1)) // the failure before is not remembered
}

func TestTheSystemsErrorsHaveNames(t *testing.T) {
	for from, want := range map[error]error{
		unix.EBADF: ErrBadDescriptor, unix.EPERM: ErrAlwaysReady, unix.EEXIST: ErrExists,
		unix.ENOSPC: ErrLimit, unix.ENOMEM: ErrLimit, unix.EMFILE: ErrLimit, unix.ENFILE: ErrLimit,
		unix.ELOOP: unix.ELOOP,
	} {
		mustBe(t, classify(from), want)
	}
	mustBe(t, classify(nil), nil)
}
