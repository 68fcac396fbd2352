// SPDX-License-Identifier: Apache-2.0

// Package poll reports which descriptors are ready. It knows nothing of tasks.
//
// A backend (epoll_linux.go; host_linux.go, where another loop does the polling) keeps the contract of Poller:
//
//	AddEdge(fd, token) error      Report fd under token, edge-triggered, until RemoveEdge: first what
//	                              it is ready for, then each change. Registered already: ErrExists.
//	AddSource(fd, token) error    Report fd under token whenever it is readable, until RemoveEdge. Whoever
//	                              is told reads fd empty before the next Wait: then Drained is not needed.
//	RemoveEdge(fd) error          Once it returns, Wait never reports that registration again, even
//	                              while a duplicate of the descriptor stays open, and whatever it
//	                              returns: an error only tells that the kernel had forgotten fd before.
//	Drained(fd, events)           The owner of an edge found nothing to do for events and clears them:
//	                              they are to be reported when they come again.
//	Arm(fd, token, events) error  Report fd under token once, as soon as it has one of events, Error or
//	                              Hangup; at once if it has one now. Replaces the arm that fd had. The
//	                              caller may close fd and reuse its number at any time: arm it again
//	                              then. ErrExists: fd is registered by AddEdge.
//	Disarm(fd)                    Drop the arm, if there is one. fd may be closed already.
//	Wait(out, timeout) (n, interrupted)
//	                              Fill out[:n]; len(out) >= 1, what finds no room is reported by the
//	                              next Wait. timeout < 0 blocks, 0 looks, > 0 blocks at most that many
//	                              ns. n == 0 only on expiry, wake, the timer or a signal (interrupted:
//	                              nothing is retried here, the caller's host wants to look at its
//	                              signals), or because all it found was dropped meanwhile: look at the
//	                              clock and wait again. Allocates nothing.
//	Wake()                        Ends the present Wait, or else the next. From any thread. Many before a
//	                              Wait count as one.
//	Waker() int                   What C does the same with: system_wake (system/system.h) takes it, from any
//	                              thread and from a signal handler. Never reported itself.
//	Descriptor() int              Readable, for a host's own poll, whenever Wait(out, 0) would find
//	                              something, or a wake or the timer is due. -1: there is none (Lister).
//	SetTimer(deadline) error      From deadline on (CLOCK_MONOTONIC, ns) Descriptor is readable until
//	                              the next Wait. math.MaxInt64: never.
//	Registered() int              Edges, sources and pending arms. 0: a Wait that only looks finds nothing and may
//	                              be left out, except where a host polls Descriptor: it is Wait that
//	                              makes Descriptor unreadable again after a wake or the timer.
//	Close()                       Nothing may be called, and nobody use the waker, from then on.
//
// A descriptor is an edge (a source is one, too) or armed, not both. A token is 64 bits that mean nothing here. The caller gives
// each registration a token of its own (a generation), for what lies in out already when it is removed.
// Everything but Wake and the waker belongs to one thread at a time.
//
// A backend whose polling another loop does keeps that of Lister too:
//
//	List(out) int                 Store what to poll for, up to len(out) entries, and return how many there are
//	                              in all. The first is always the waker's. The list is good for one poll, and
//	                              only if all of it found room.
//	Deliver(fd, revents)          What the loop's poll found for fd, the bits of poll(2). What nobody asks
//	                              for is ignored.
//	Poll(timeout)                 Poll the list here and deliver what it finds: the loop has no further
//	                              turn. timeout < 0: until there is something.
//
// A report is a hint: try, and wait again on EAGAIN.
package poll

import "errors"

// The bits of Event.Events and Arm, those of poll(2).
const (
	Readable   = 0x1
	Priority   = 0x2
	Writable   = 0x4
	Error      = 0x8  // always reported
	Hangup     = 0x10 // always reported
	ReadHangup = 0x2000

	requestable = Readable | Priority | Writable | ReadHangup
	always      = Error | Hangup
)

// Event says that the registration made under Token is ready for Events.
type Event struct {
	Token  uint64
	Events uint32
}

// What AddEdge, AddSource, RemoveEdge, Arm, SetTimer and the backends' constructors answer. Anything else is the system's own
// error, a syscall.Errno.
var (
	ErrBadDescriptor = errors.New("poll: the descriptor is not open")
	ErrAlwaysReady   = errors.New("poll: a regular file or directory is always ready")
	ErrLimit         = errors.New("poll: the system has no descriptors, watches or memory left")
	ErrExists        = errors.New("poll: the descriptor is registered already")
)

// Batch is how many events a loop should take at a time. What the system touches for each (a socket, its buffers) is some
// kilobytes: more than fit the caches at once are cold again when their task runs. An echo server with 1000 connections
// does 0.92 of raw epoll's messages per CPU-second with 128, 0.88 with 256 or 1024 (medians of ten rounds).
const Batch = 128

// Poller is what the scheduler needs of a backend; the package's comment is its contract.
type Poller interface {
	AddEdge(fd int, token uint64) error
	AddSource(fd int, token uint64) error
	RemoveEdge(fd int) error
	Drained(fd int, events uint32)
	Arm(fd int, token uint64, events uint32) error
	Disarm(fd int)
	Wait(out []Event, timeout int64) (n int, interrupted bool)
	Wake()
	Waker() int
	Descriptor() int
	SetTimer(deadline int64) error
	Registered() int
	Close()
}

// Lister is the Poller of a loop that is not ours and can only poll lists; the package's comment is its contract.
type Lister interface {
	Poller
	List(out []HostInterest) int
	Deliver(fd int, revents uint32)
	Poll(timeout int64)
}

// HostInterest is an entry of List, laid out like cothread_pollfd: Events are the bits to poll FD for, and Found is for what
// the loop's poll reports.
type HostInterest struct {
	FD     int32
	Events uint16
	Found  uint16
}
