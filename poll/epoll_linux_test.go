// SPDX-License-Identifier: Apache-2.0

package poll

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func now(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	must(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts))
	return ts.Nano()
}

// isReadable polls fd as a host would.
func isReadable(t *testing.T, fd int, timeout int64) bool {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(timeout/1e6))
		if err != unix.EINTR {
			must(t, err)
			return n == 1
		}
	}
}

// A sleeper is a goroutine with a thread of its own.
type sleeper struct {
	thread int
	done   chan struct{}
}

// sleep runs body on a sleeper. As in the library there are more of Go's processors than waits that hold one.
func sleep(t *testing.T, body func()) sleeper {
	processors := runtime.GOMAXPROCS(3)
	t.Cleanup(func() { runtime.GOMAXPROCS(processors) })
	if _, err := os.ReadFile("/proc/self/syscall"); err != nil {
		t.Skipf("this kernel does not tell where a thread waits: %v", err)
	}
	s := sleeper{done: make(chan struct{})}
	thread := make(chan int)
	go func() {
		defer close(s.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		body()
	}()
	s.thread = <-thread
	return s
}

// asleep returns when the kernel has the thread in epoll_pwait2, or false when body has ended instead.
func (s sleeper) asleep(t *testing.T) bool {
	t.Helper()
	file := fmt.Sprintf("/proc/self/task/%d/syscall", s.thread)
	waiting := fmt.Sprintf("%d ", unix.SYS_EPOLL_PWAIT2)
	for {
		select {
		case <-s.done:
			return false
		default:
		}
		text, err := os.ReadFile(file)
		must(t, err)
		if strings.HasPrefix(string(text), waiting) {
			return true
		}
		runtime.Gosched()
	}
}

func TestAWakeDuringAWaitEndsIt(t *testing.T) {
	p := newEpoll(t)
	for range 3 {
		s := sleep(t, func() {
			if got := wait(p, -1); len(got) != 0 {
				t.Errorf("reported %x, want nothing", got)
			}
		})
		if !s.asleep(t) {
			t.Fatal("the wait ended before the wake")
		}
		wakeFromC(p)
		<-s.done
	}
}

func TestASignalEndsAWait(t *testing.T) {
	p := newEpoll(t)
	s := sleep(t, func() {
		n, interrupted := p.Wait(make([]Event, 1), -1)
		if n != 0 || !interrupted {
			t.Errorf("got %d, %v, want 0 and interrupted", n, interrupted)
		}
	})
	if s.asleep(t) { // a signal of Go's own may have come first
		must(t, unix.Tgkill(unix.Getpid(), s.thread, unix.SIGURG))
	}
	<-s.done
}

func TestAWaitExpiresAndNotEarly(t *testing.T) {
	for _, coarse := range []bool{false, true} {
		p := newEpoll(t)
		p.coarse = coarse
		for _, timeout := range []int64{0, 1, 300_000, holdLimit, holdLimit + 1_500_000} {
			for interrupted := true; interrupted; {
				var n int
				before := now(t)
				n, interrupted = p.Wait(make([]Event, 1), timeout)
				if after := now(t); n != 0 || !interrupted && after-before < timeout {
					t.Fatalf("coarse %v: waiting %d ns reported %d after %d ns", coarse, timeout, n, after-before)
				}
			}
		}
	}
}

func TestMillisecondsAreRoundedUpAndBounded(t *testing.T) {
	for timeout, want := range map[int64]uintptr{
		-1: math.MaxUint, 0: 0, 1: 1, 999_999: 1, 1_000_000: 1, 1_000_001: 2,
		math.MaxInt64: math.MaxInt32,
	} {
		if got := milliseconds(timeout); got != want {
			t.Errorf("milliseconds(%d) is %d, want %d", timeout, got, want)
		}
	}
}

func TestAClosedDescriptorIsNotReportedBehindItsDuplicate(t *testing.T) {
	p := newEpoll(t)
	for _, test := range []struct {
		name string
		add  func(fd int, token uint64) error
		drop func(fd int)
	}{
		{"edge", p.AddEdge, func(fd int) { mustBe(t, p.RemoveEdge(fd), ErrBadDescriptor) }},
		{"arm", func(fd int, token uint64) error { return p.Arm(fd, token, Readable) }, p.Disarm},
	} {
		reader, writer := pipe(t)
		must(t, test.add(reader, 1))
		duplicate, err := unix.FcntlInt(uintptr(reader), unix.F_DUPFD_CLOEXEC, 0)
		must(t, err)
		closeLater(t, duplicate)
		must(t, unix.Close(reader))
		test.drop(reader)
		write(t, writer, "x")
		mustReport(t, wait(p, 0))

		// The number's next owner gets its own reports only.
		next, nextWriter := pipe(t)
		if next != reader {
			t.Fatalf("%s: the kernel gave number %d, not %d", test.name, next, reader)
		}
		must(t, test.add(next, 2))
		write(t, writer, "y")
		mustReport(t, wait(p, 0))
		write(t, nextWriter, "z")
		mustReport(t, wait(p, soon), Event{2, Readable})
		test.drop = p.Disarm
		_ = p.RemoveEdge(next)
		must(t, unix.Close(next))

		// And if dup2 brings the first file back, the kernel still has its entry.
		must(t, unix.Dup3(duplicate, reader, unix.O_CLOEXEC))
		must(t, test.add(reader, 3))
		mustReport(t, wait(p, soon), Event{3, Readable})
	}
}

func TestTheWakeDescriptorCannotBeTakenOver(t *testing.T) {
	p := newEpoll(t)
	mustBe(t, p.AddEdge(p.Waker(), 1), ErrExists)
	mustBe(t, p.Arm(p.Waker(), 1, Readable), ErrExists)
	mustBe(t, p.RemoveEdge(p.Waker()), unix.ENOENT)
	p.Disarm(p.Waker())
	wakeFromC(p)
	mustReport(t, wait(p, soon))
}

func TestTheDescriptorIsReadableFromAWakeToTheNextWait(t *testing.T) {
	p := newEpoll(t)
	outer := newEpoll(t) // a host that holds our set edge-triggered in its own
	must(t, outer.AddEdge(p.Descriptor(), 7))
	for range 3 {
		mustReport(t, wait(outer, 0))
		wakeFromC(p)
		mustReport(t, wait(outer, soon), Event{7, Readable})
		wakeFromC(p) // a further wake is a further edge
		mustReport(t, wait(outer, soon), Event{7, Readable})
		if !isReadable(t, p.Descriptor(), soon) {
			t.Fatal("not readable after a wake")
		}
		mustReport(t, wait(p, 0))
		if isReadable(t, p.Descriptor(), 0) {
			t.Fatal("still readable after the wait")
		}
	}
}

func TestWhatWasReportedDoesNotKeepTheDescriptorReadable(t *testing.T) {
	p := newEpoll(t)
	reader, writer := pipe(t)
	a, _ := pair(t)
	write(t, writer, "x")
	must(t, p.Arm(reader, 1, Readable))
	must(t, p.AddEdge(a, 2))
	mustReport(t, wait(p, soon), Event{1, Readable}, Event{2, Writable})
	if isReadable(t, p.Descriptor(), 0) {
		t.Fatal("readable with nothing left to report")
	}
}

func TestTheTimerMakesTheDescriptorReadable(t *testing.T) {
	p := newEpoll(t)
	for _, deadline := range []int64{now(t) + 1_000_000, now(t) - 1, 0, math.MinInt64} {
		must(t, p.SetTimer(deadline))
		if !isReadable(t, p.Descriptor(), soon) || now(t) < deadline {
			t.Fatal("not readable at the deadline, or before it")
		}
		mustReport(t, wait(p, 0))
		if isReadable(t, p.Descriptor(), 0) {
			t.Fatal("still readable after the wait")
		}
		must(t, p.SetTimer(deadline)) // the same one, which has passed: due again
		if !isReadable(t, p.Descriptor(), soon) {
			t.Fatal("not readable at a deadline that has passed")
		}
		mustReport(t, wait(p, 0))
	}
}

func TestADisarmedTimerIsNotReported(t *testing.T) {
	p := newEpoll(t)
	must(t, p.SetTimer(math.MaxInt64))
	if p.timer >= 0 {
		t.Fatal("disarming opened a descriptor")
	}
	must(t, p.SetTimer(1))
	if !isReadable(t, p.Descriptor(), soon) {
		t.Fatal("not readable after the deadline")
	}
	must(t, p.SetTimer(math.MaxInt64))
	if isReadable(t, p.Descriptor(), 0) {
		t.Fatal("readable with the timer disarmed")
	}
	must(t, p.SetTimer(1))
	if !isReadable(t, p.Descriptor(), soon) {
		t.Fatal("not readable after the deadline")
	}
	must(t, p.SetTimer(now(t)+int64(time.Hour)))
	if isReadable(t, p.Descriptor(), 0) {
		t.Fatal("readable an hour before the deadline")
	}
}

func TestAFailingEpollSetIsNotASpin(t *testing.T) {
	p := newEpoll(t)
	must(t, unix.Close(p.fd))
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "bad file descriptor") {
			t.Fatalf("panicked with %q", text)
		}
	}()
	p.Wait(make([]Event, 1), -1)
}

func TestHotPathsAllocateNothing(t *testing.T) {
	p := newEpoll(t)
	reader, writer := pipe(t)
	must(t, p.AddEdge(reader, 1))
	out := make([]Event, 8)
	perRun := testing.AllocsPerRun(100, func() {
		_ = p.Arm(writer, 2, Writable)
		p.Wait(out, -1)
		p.Wait(out, 0)
		p.Wait(out, 1000)
		_ = p.Arm(writer, 3, Readable)
		p.Disarm(writer)
	})
	if slow := testing.AllocsPerRun(1, func() { p.Wait(out, holdLimit+1000) }); perRun+slow != 0 {
		t.Fatalf("%v allocations, and %v in a long wait", perRun, slow)
	}
}

// A collection stops every thread that runs Go. Each of these waits lasts until it is woken, which happens
// after the collection: one that the wait holds up would end only with the timer, 10 s later. (Nothing in Go
// could watch over that: the watching goroutine would be stopped too.)
func TestACollectionIsNotHeldUpByAWait(t *testing.T) {
	for _, test := range []struct {
		name    string
		signals bool // SIGURG is open. Where it is not, only handing back helps
		wait    func(p *Epoll) (interrupted bool)
	}{
		{"a raw wait and safePoint", true, func(p *Epoll) bool {
			for {
				// Nothing else in this loop looks at the stack bound.
				_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
					uintptr(unsafe.Pointer(&p.found)), 1, 0, 0, 0)
				safePoint()
				if errno != unix.EINTR {
					return false
				}
			}
		}},
		{"hold", true, func(p *Epoll) bool {
			_, errno := p.hold(1, -1)
			return errno == unix.EINTR
		}},
		{"handBack", false, func(p *Epoll) bool {
			_, errno := p.handBack(1, -1)
			return errno == unix.EINTR
		}},
		{"Wait", false, func(p *Epoll) bool {
			_, interrupted := p.Wait(make([]Event, 1), -1)
			return interrupted
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newEpoll(t)
			must(t, p.SetTimer(now(t)+60e9))
			var collected atomic.Bool
			s := sleep(t, func() {
				if !test.signals {
					defer blockSIGURG()()
				}
				for test.wait(p) {
				}
				if !collected.Load() {
					t.Error("the collection waited for the wait to end")
				}
			})
			if s.asleep(t) {
				runtime.GC()
				collected.Store(true)
				wakeFromC(p)
			}
			<-s.done
		})
	}
}

// A wait must not make a collection take as long as it lasts, nor until Go's monitor thread steps in, be it
// short, and hidden from Go, or long; where SIGURG is blocked holdLimit alone bounds the delay. The median of
// many is compared with that of as many beside no wait, again and again until it is not slower.
func TestCollectionsBesideAWaitAreQuick(t *testing.T) {
	const collections, attempts = 21, 20
	median := func(before func()) int64 {
		var took []int64
		for range collections {
			before()
			begin := now(t)
			runtime.GC()
			took = append(took, now(t)-begin)
		}
		slices.Sort(took)
		return took[collections/2]
	}
	for _, blocked := range []bool{false, true} {
		for _, timeout := range []int64{100_000, 1_000_000, 50_000_000, int64(10e9)} {
			beside := func() int64 {
				p := newEpoll(t)
				var finished atomic.Bool
				s := sleep(t, func() {
					if blocked {
						defer blockSIGURG()()
					}
					for !finished.Load() {
						p.Wait(make([]Event, 1), timeout)
					}
				})
				took := median(func() { s.asleep(t) })
				finished.Store(true)
				wakeFromC(p)
				<-s.done
				return took
			}
			for attempt := 1; ; attempt++ {
				alone, together := median(func() {}), beside()
				if together <= 5*alone+2*holdLimit {
					break
				}
				if attempt == attempts {
					t.Errorf("SIGURG blocked: %v; the median collection took %d ns beside waits of %d ns, %d beside none",
						blocked, together, timeout, alone)
					break
				}
			}
		}
	}
}

// blockSIGURG blocks Go's signal on the calling thread and returns what undoes it.
func blockSIGURG() (restore func()) {
	var set, old unix.Sigset_t
	set.Val[0] = 1 << (unix.SIGURG - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, &old); err != nil {
		panic(err)
	}
	return func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }
}
