// SPDX-License-Identifier: Apache-2.0

package poll

import (
	"math"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"cothread/poll/failures"
)

// holdLimit is how long, in ns, a wait keeps Go's processor (see Wait). Longer means fewer waits that cost
// twice; it stays below the 10 ms after which Go's monitor thread signals a thread that keeps a processor, which
// would end the wait with EINTR.
const holdLimit = 4_000_000

// An epoll set does not know descriptors but (file, number) pairs, and keeps one while any duplicate of the
// file is open: what it reports may belong to a descriptor that was closed long ago. So the 64 bits it keeps
// for us are not the caller's token but
//
//	bits 0..31   the descriptor's number, which finds the registration
//	bits 32..63  the registration's serial number; another one there means that the report is stale
type registration struct {
	token   uint64
	serial  int32
	events  uint16 // of an arm
	state   state
	several bool // the kernel may have more than one entry of this number: of files that had it before
}

type state int8

const (
	unknown  state = iota // nobody's; the kernel may or may not have an entry for this number
	internal              // the eventfd and the timerfd
	edge                  // AddEdge, AddSource
	armed                 // Arm, not reported yet
	spent                 // Arm, reported: the kernel keeps a disabled entry unless fd was closed
)

// Epoll is the Poller of Linux.
type Epoll struct {
	fd       int
	wake     int
	timer    int   // -1 until SetTimer needs it
	deadline int64 // what the timerfd is set to; math.MaxInt64: nothing that is still to come

	registrations table[registration]
	serial        int32
	registered    int

	coarse   bool // the kernel lacks epoll_pwait2 (before 5.11)
	timespec unix.Timespec
	event    unix.EpollEvent
	found    [Batch]unix.EpollEvent
}

var _ Poller = (*Epoll)(nil)

// NewEpoll opens two descriptors, the epoll set and its eventfd, both close-on-exec.
func NewEpoll() (*Epoll, error) {
	if err := failures.Next(); err != 0 {
		return nil, limitOf(err)
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, limitOf(err)
	}
	p := &Epoll{fd: fd, wake: -1, timer: -1, deadline: math.MaxInt64}
	if p.wake, err = newWaker(); err == nil {
		err = p.addInternal(p.wake)
	}
	if err != nil {
		p.Close()
		return nil, limitOf(err)
	}
	return p, nil
}

// newWaker opens an eventfd, which is what system_wake takes on Linux; -1 with an error.
func newWaker() (int, error) {
	if err := failures.Next(); err != 0 {
		return -1, err
	}
	return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
}

var one = [8]byte{1} // as a counter 1 on a little-endian machine; any other but the greatest does as well

// wake writes an eventfd. EAGAIN: its counter is full, and it is readable too.
func wake(waker int) {
	for failures.NextOf(unix.EINTR) != 0 {
	}
	for {
		if _, err := unix.Write(waker, one[:]); err != unix.EINTR {
			return
		}
	}
}

// addInternal registers the eventfd or the timerfd. Edge-triggered, so that neither is ever read:
//   - each write to an eventfd and each expiry of a timerfd puts it on the epoll set's ready list anew, also
//     when its counter was not 0. One that is on the list already is not put there twice: many count as one.
//   - Wait takes it off the list. From then on a host that polls the epoll set itself does not see it as
//     readable any more; before, it does, even if it holds the set edge-triggered in a set of its own.
//   - the counter of an eventfd overflows after 2^64-2 writes of 1, 100 000 years at 200 ns each. That of a
//     timerfd starts again at 0 when it is set.
func (p *Epoll) addInternal(fd int) error {
	serial := p.nextSerial()
	if errno := p.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLET, serial); errno != 0 {
		return errno
	}
	*p.registrations.reserve(fd) = registration{serial: serial, state: internal}
	return nil
}

func (p *Epoll) nextSerial() int32 {
	p.serial++
	return p.serial
}

// control returns 0, or why the kernel does not do it: no error, as to compare those costs more than the rest.
func (p *Epoll) control(operation, fd int, events uint32, serial int32) unix.Errno {
	if operation != unix.EPOLL_CTL_DEL {
		if err := failures.Next(); err != 0 {
			return err
		}
	}
	p.event = unix.EpollEvent{Events: events, Fd: int32(fd), Pad: serial}
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(operation), uintptr(fd),
		uintptr(unsafe.Pointer(&p.event)), 0, 0)
	return errno
}

func (p *Epoll) stateOf(fd int) state {
	if r := p.registrations.at(fd); r != nil {
		return r.state
	}
	return unknown
}

// record makes r the registration of fd, which the kernel has taken: `added` anew, in place of one that the descriptor's closing
// left behind, or that a duplicate keeps.
func (p *Epoll) record(fd int, r registration, added bool) {
	entry := p.registrations.reserve(fd)
	if entry.state != edge && entry.state != armed {
		p.registered++
	}
	r.several = entry.several || added && entry.state != unknown
	*entry = r
}

// remove ends the registration of fd, here and in the kernel.
func (p *Epoll) remove(fd int) unix.Errno {
	r := p.registrations.at(fd)
	p.registered--
	// Fails if fd was closed. The kernel's entry is gone then, or a duplicate keeps it and it reports once more, under a serial
	// number that Wait does not know.
	errno := p.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
	*r = registration{several: r.several || errno != 0}
	return errno
}

// AddEdge is Poller's.
func (p *Epoll) AddEdge(fd int, token uint64) error {
	return p.add(fd, token, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLPRI|unix.EPOLLRDHUP)
}

// AddSource is Poller's: to be told once of all that there is to read is enough.
func (p *Epoll) AddSource(fd int, token uint64) error { return p.add(fd, token, unix.EPOLLIN) }

func (p *Epoll) add(fd int, token uint64, events uint32) error {
	if !validNumber(fd) {
		return ErrBadDescriptor
	}
	events |= unix.EPOLLET
	serial := p.nextSerial()
	errno := p.control(unix.EPOLL_CTL_ADD, fd, events, serial)
	added := errno == 0
	if errno == unix.EEXIST {
		// The kernel has this very file under this number. A spent arm may be taken over.
		if s := p.stateOf(fd); s != unknown && s != spent {
			return ErrExists
		}
		errno = p.control(unix.EPOLL_CTL_MOD, fd, events, serial)
	}
	if errno != 0 {
		return classify(errno)
	}
	p.record(fd, registration{token: token, serial: serial, state: edge}, added)
	return nil
}

// RemoveEdge is Poller's. unix.ENOENT: fd is not registered by AddEdge, or was closed and its number reused.
func (p *Epoll) RemoveEdge(fd int) error {
	if p.stateOf(fd) != edge {
		return unix.ENOENT
	}
	if errno := p.remove(fd); errno != 0 {
		return classify(errno)
	}
	return nil
}

// Drained is Poller's: the kernel sees the next edge by itself.
func (p *Epoll) Drained(int, uint32) {}

// Arm is Poller's. The usual case is an arm that was not reported since, and is made once more as it was: the kernel has it, and an
// ADD, which then fails, only finds out whether the number is still the same file's. It does not look at the file, as a MOD does:
// 119 ns against 170 (64 local sockets in turn, least of 60 rounds). But where files that had this number before may have entries
// too, what ADD finds may be theirs.
func (p *Epoll) Arm(fd int, token uint64, events uint32) error {
	if !validNumber(fd) {
		return ErrBadDescriptor
	}
	events &= requestable
	was := p.registrations.at(fd)
	if was == nil {
		was = &registration{}
	}
	operation := unix.EPOLL_CTL_ADD
	same := was.state == armed && was.events == uint16(events) && !was.several
	if was.state == spent || was.state == armed && !same {
		operation = unix.EPOLL_CTL_MOD
	}
	serial := p.nextSerial()
	errno := p.control(operation, fd, events|unix.EPOLLONESHOT, serial)
	switch {
	case errno == unix.EEXIST && same:
		was.token = token
		return nil
	case errno == unix.ENOENT && operation == unix.EPOLL_CTL_MOD: // the number was reused, and the kernel dropped what it had
		operation = unix.EPOLL_CTL_ADD
		errno = p.control(operation, fd, events|unix.EPOLLONESHOT, serial)
	case errno == unix.EEXIST && was.state == unknown: // a duplicate kept a forgotten entry, and dup2 brought its file back to this number
		operation = unix.EPOLL_CTL_MOD
		errno = p.control(operation, fd, events|unix.EPOLLONESHOT, serial)
	}
	if errno != 0 {
		return classify(errno)
	}
	p.record(fd, registration{token: token, serial: serial, events: uint16(events), state: armed}, operation == unix.EPOLL_CTL_ADD)
	return nil
}

// Disarm is Poller's.
func (p *Epoll) Disarm(fd int) {
	if p.stateOf(fd) == armed {
		_ = p.remove(fd)
	}
}

// Wait is Poller's. There are two ways to block in the kernel, and both are wrong for some waits:
//
//	hold      Go is not told. A wake costs what it costs in C (26-29 us of CPU and 1.14 context switches,
//	          a loop in C 34-45 us and 1.0), but the thread keeps Go's processor, and a thread that stops the
//	          world for a collection must first interrupt the wait.
//	handBack  Go is told, and its monitor thread takes the processor away while we sleep: the runtime is
//	          undisturbed and can be fully idle, but a wake costs 60-70 us and 4.6 context switches.
//
// (Per wake of a loop that sleeps 1 ms at a time: getrusage over some seconds, two cores, Linux 6.18.)
// So a wait first holds for a few ms at most, which is where traffic is, and hands back for the rest.
func (p *Epoll) Wait(out []Event, timeout int64) (n int, interrupted bool) {
	room := min(len(out), len(p.found))
	held := timeout
	if timeout < 0 || timeout > holdLimit {
		held = holdLimit
	}
	got, errno := p.hold(room, held)
	if got == 0 && errno == 0 && held != timeout {
		rest := timeout
		if timeout > 0 {
			rest -= held
		}
		got, errno = p.handBack(room, rest)
	}
	if errno == unix.EINTR {
		return 0, true
	}
	if errno != 0 {
		// EBADF if the host closed what is not its own. Returning 0 would spin for ever.
		panic("poll: waiting on the epoll set failed: " + errno.Error())
	}
	for i := range p.found[:got] {
		e := &p.found[i]
		r := p.registrations.at(int(e.Fd))
		if r == nil || r.serial != e.Pad {
			continue
		}
		switch r.state {
		case armed:
			r.state = spent
			p.registered--
		case edge:
		case internal:
			if int(e.Fd) == p.timer {
				p.deadline = math.MaxInt64
			}
			continue
		default:
			continue
		}
		out[n] = Event{Token: r.token, Events: e.Events}
		n++
	}
	return n, false
}

// hold waits without telling Go. Nothing in the signal mask is changed for the wait (a nil sigmask): SIGURG,
// by which Go asks for its processor, is open on every scheduler's thread, as capi/ sees to; a thread that
// blocked it would delay each collection by 4-99 ms.
func (p *Epoll) hold(room int, timeout int64) (int, unix.Errno) {
	switch err := failures.NextOf(unix.EINTR, unix.ENOSYS, unix.EPERM); err {
	case unix.EINTR:
		return 0, err
	case unix.ENOSYS, unix.EPERM:
		p.coarse = true
	}
	if !p.coarse {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
			uintptr(unsafe.Pointer(&p.found)), uintptr(room),
			uintptr(unsafe.Pointer(p.fine(timeout))), 0, 0)
		safePoint()
		// EPERM: what container runtimes older than the call answer for it.
		if errno != unix.ENOSYS && errno != unix.EPERM {
			return int(n), errno
		}
		p.coarse = true
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.found)), uintptr(room), milliseconds(timeout), 0, 0)
	safePoint()
	return int(n), errno
}

// handBack waits with Go's processor given back. hold went before and knows what the kernel has.
func (p *Epoll) handBack(room int, timeout int64) (int, unix.Errno) {
	if p.coarse {
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
			uintptr(unsafe.Pointer(&p.found)), uintptr(room), milliseconds(timeout), 0, 0)
		return int(n), errno
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.found)), uintptr(room),
		uintptr(unsafe.Pointer(p.fine(timeout))), 0, 0)
	return int(n), errno
}

// safePoint lets Go stop this thread. Go asks by poisoning the stack bound, and after a RawSyscall nobody
// looks at that: a loop of such waits froze a collection for as long as it ran (15 s). Only a function that
// checks its stack looks, and the compiler leaves the check out of a small one that calls nothing and out of
// one that is inlined, so this one calls another and neither is inlined.
//
//go:noinline
func safePoint() { checkedCallee() }

//go:noinline
func checkedCallee() {}

// fine returns timeout as epoll_pwait2 takes it. In p, not on the stack: the kernel gets its address.
func (p *Epoll) fine(timeout int64) *unix.Timespec {
	if timeout < 0 {
		return nil
	}
	p.timespec = unix.NsecToTimespec(timeout)
	return &p.timespec
}

// milliseconds returns timeout as epoll_pwait takes it, rounded up so that no deadline is met early and then
// spun for; 24 days at most, which is an expiry like any other.
func milliseconds(timeout int64) uintptr {
	if timeout < 0 {
		return math.MaxUint // -1
	}
	ms := timeout / 1e6
	if timeout%1e6 > 0 {
		ms++
	}
	return uintptr(min(ms, math.MaxInt32))
}

// Wake is Poller's.
func (p *Epoll) Wake() { wake(p.wake) }

// Waker is Poller's: the eventfd.
func (p *Epoll) Waker() int { return p.wake }

// Descriptor is Poller's: the epoll set itself.
func (p *Epoll) Descriptor() int { return p.fd }

// SetTimer is Poller's. It costs a system call only if the deadline is another one.
func (p *Epoll) SetTimer(deadline int64) error {
	if deadline == p.deadline {
		return nil
	}
	if p.timer < 0 {
		if err := failures.Next(); err != 0 {
			return limitOf(err)
		}
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
		if err != nil {
			return limitOf(err)
		}
		if err := p.addInternal(fd); err != nil {
			_ = unix.Close(fd)
			return limitOf(err)
		}
		p.timer = fd
	}
	var setting unix.ItimerSpec // zero disarms, so a deadline of 0 or less becomes 1 ns
	if deadline != math.MaxInt64 {
		setting.Value = unix.NsecToTimespec(max(deadline, 1))
	}
	if err := failures.Next(); err != 0 {
		return limitOf(err)
	}
	if err := unix.TimerfdSettime(p.timer, unix.TFD_TIMER_ABSTIME, &setting, nil); err != nil {
		return limitOf(err)
	}
	p.deadline = deadline
	return nil
}

// Registered is Poller's.
func (p *Epoll) Registered() int { return p.registered }

// Close is Poller's. Closing twice is harmless.
func (p *Epoll) Close() {
	for _, fd := range []*int{&p.fd, &p.wake, &p.timer} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// classify gives the system's errors the names that callers tell apart.
func classify(err error) error {
	switch err {
	case unix.EBADF:
		return ErrBadDescriptor
	case unix.EPERM:
		return ErrAlwaysReady
	case unix.EEXIST:
		return ErrExists
	case unix.ENOSPC, unix.ENOMEM, unix.EMFILE, unix.ENFILE:
		return ErrLimit
	}
	return err
}

// limitOf is classify for the descriptors that a poller opens for itself: of these only a limit is the caller's concern.
func limitOf(err error) error {
	if classified := classify(err); classified == ErrLimit {
		return ErrLimit
	}
	return err
}
