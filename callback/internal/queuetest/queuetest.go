// SPDX-License-Identifier: Apache-2.0

// Package queuetest lets the Go tests of package callback play producer and consumer: import "C" is not allowed
// in a test file, and the producer is C. A callback is a number here: its argument, with no function.
package queuetest

/*
#cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra -fvisibility=hidden
#cgo LDFLAGS: -pthread
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "../../queue.h"

static void *zeroed(size_t size) {
	void *memory = aligned_alloc(QUEUE_LINE, size);
	return memory == NULL ? NULL : memset(memory, 0, size);
}
static struct queue *new_queue(void) { return zeroed(sizeof(struct queue)); }
static struct mailbox *new_mailbox(void) { return zeroed(sizeof(struct mailbox)); }

static int post(struct queue *q, int64_t owner, uintptr_t number) { return queue_post(q, owner, NULL, (void *)number); }
static int offer(struct queue *q, int64_t owner, uintptr_t number) { return queue_offer(q, owner, NULL, (void *)number); }
static int post_wait(struct queue *q, int64_t owner, uintptr_t number, int64_t deadline) {
	return queue_post_wait(q, owner, NULL, (void *)number, deadline);
}
static int post_value(struct queue *q, int64_t owner, struct mailbox *l, uint32_t generation, uintptr_t value, uintptr_t *replaced) {
	void *old = NULL;
	int code = mailbox_post(q, owner, l, generation, (void *)value, &old);
	*replaced = (uintptr_t)old;
	return code;
}
static int pop(struct queue *q, uintptr_t *number, uint64_t *token, int *mailbox) {
	struct queue_item item;
	if (!queue_pop(q, &item))
		return 0;
	*number = (uintptr_t)item.argument;
	*token = item.token;
	*mailbox = item.kind == QUEUE_MAILBOX;
	return 1;
}
static uint32_t waiters(struct queue *q) { return atomic_load(&q->waiters); }
static uint32_t generation(struct mailbox *l) { return atomic_load(&l->generation); }

// A producer that is stopped between taking its ticket and publishing it.
static uint64_t take_ticket(struct queue *q) { return atomic_fetch_add(&q->tail, 1) & QUEUE_TICKET; }
static void publish_ticket(struct queue *q, uint64_t ticket, uintptr_t number) {
	struct queue_cell *cell = &q->cells[ticket & (q->bound - 1)];
	cell->callback = NULL;
	cell->argument = (void *)number;
	cell->posted_ns = 0;
	atomic_store(&cell->sequence, 4 * ticket + PUBLISHED_CALLBACK);
}

// A waker that is stopped between clearing the flag and the end of its write.
static void enter_waker(struct queue *q) { atomic_fetch_add(&q->wakers, 1); }
static void leave_waker(struct queue *q) { atomic_fetch_sub(&q->wakers, 1); }

// A producer that read tail and goes on long afterwards.
static uint64_t read_tail(struct queue *q) { return atomic_load(&q->tail); }
static int take_from(struct queue *q, uint64_t tail) {
	return atomic_compare_exchange_strong(&q->tail, &tail, (tail & QUEUE_TICKET) + 1);
}

static struct { struct queue *q; int64_t owner; int code; } cancelled;
static void *post_cancelled(void *unused) {
	pthread_cancel(pthread_self());
	cancelled.code = queue_post(cancelled.q, cancelled.owner, NULL, NULL);
	return unused;
}
static int post_from_cancelled_thread(struct queue *q, int64_t owner) {
	pthread_t thread;
	cancelled.q = q;
	cancelled.owner = owner;
	cancelled.code = 1;
	pthread_create(&thread, NULL, post_cancelled, NULL);
	pthread_join(thread, NULL);
	return cancelled.code;
}

static int errno_after_post(struct queue *q, int64_t owner, int value) {
	errno = value;
	queue_post(q, owner, NULL, NULL);
	return errno;
}

// A thread that posts odd numbers without a pause, while signals interrupt it whose handler posts even ones.
// Each side counts what was accepted. A signal is sent when the one before has been handled.
static struct {
	struct queue *q;
	int64_t owner;
	_Atomic uintptr_t plain, handled, signals;
	_Atomic int stop;
} storm;

static void storm_handler(int number) {
	(void)number;
	if (post(storm.q, storm.owner, 2 * storm.handled) == 0)
		storm.handled++;
	storm.signals++;
}
static void *storm_poster(void *unused) {
	while (!storm.stop)
		if (post(storm.q, storm.owner, 2 * storm.plain + 1) == 0)
			storm.plain++;
	return unused;
}
static void *storm_sender(void *rounds) {
	pthread_t poster;
	pthread_create(&poster, NULL, storm_poster, NULL);
	for (uintptr_t sent = 1; sent <= (uintptr_t)rounds; sent++) {
		pthread_kill(poster, SIGUSR2);
		while (storm.signals < sent)
			sched_yield();
	}
	storm.stop = 1;
	pthread_join(poster, NULL);
	storm.stop = 2;
	return NULL;
}
static int start_storm(struct queue *q, int64_t owner, uintptr_t rounds) {
	struct sigaction action = {.sa_handler = storm_handler, .sa_flags = SA_ONSTACK | SA_RESTART};
	pthread_t sender;
	storm.q = q;
	storm.owner = owner;
	storm.plain = storm.handled = storm.signals = 0;
	storm.stop = 0;
	if (sigaction(SIGUSR2, &action, NULL) != 0 || pthread_create(&sender, NULL, storm_sender, (void *)rounds) != 0)
		return 0;
	pthread_detach(sender);
	return 1;
}
static int storm_over(uintptr_t *plain, uintptr_t *handled) {
	*plain = storm.plain;
	*handled = storm.handled;
	return storm.stop == 2;
}
*/
import "C"

import (
	"unsafe"

	"cothread/callback"
)

// The answers of the queue.
const (
	EFull     = C.COTHREAD_EFULL
	EDead     = C.COTHREAD_EDEAD
	EHandle   = C.COTHREAD_EHANDLE
	ETimedOut = C.COTHREAD_ETIMEDOUT
	Forever   = C.COTHREAD_FOREVER
)

// Queue is a struct queue that starts as zeros, and the view of it under test.
type Queue struct {
	*callback.Queue
	c *C.struct_queue
}

// Item is what was popped.
type Item struct {
	Number  uint64
	Token   uint64
	Mailbox bool
}

// Statistics are the callback fields of cothread_stats.
type Statistics struct {
	Bound, Depth, HighWater, Accepted, Refused, Replaced, Run uint64
	Wait                                                      [32]uint64
}

// New returns a queue that was never opened.
func New() Queue {
	c := C.new_queue()
	return Queue{callback.At(unsafe.Pointer(c)), c}
}

// Open is queue_open.
func (q Queue) Open(owner int64, bound uint32, wakeFD int) int {
	return int(C.queue_open(q.c, C.int64_t(owner), C.uint32_t(bound), C.int(wakeFD)))
}

// Post is queue_post.
func (q Queue) Post(owner int64, number uint64) int {
	return int(C.post(q.c, C.int64_t(owner), C.uintptr_t(number)))
}

// Offer is queue_offer.
func (q Queue) Offer(owner int64, number uint64) int {
	return int(C.offer(q.c, C.int64_t(owner), C.uintptr_t(number)))
}

// Refuse is queue_refuse.
func (q Queue) Refuse() { C.queue_refuse(q.c) }

// PostWait is queue_post_wait.
func (q Queue) PostWait(owner int64, number uint64, deadline int64) int {
	return int(C.post_wait(q.c, C.int64_t(owner), C.uintptr_t(number), C.int64_t(deadline)))
}

// Waiters returns how many threads wait for room, or are about to.
func (q Queue) Waiters() int { return int(C.waiters(q.c)) }

// Pop is queue_pop.
func (q Queue) Pop() (Item, bool) {
	var number C.uintptr_t
	var token C.uint64_t
	var mailbox C.int
	if C.pop(q.c, &number, &token, &mailbox) == 0 {
		return Item{}, false
	}
	return Item{uint64(number), uint64(token), mailbox != 0}, true
}

// Popped is queue_popped.
func (q Queue) Popped() { C.queue_popped(q.c) }

// Close is queue_close.
func (q Queue) Close() uint64 { return uint64(C.queue_close(q.c)) }

// Retire is queue_retire.
func (q Queue) Retire() { C.queue_retire(q.c) }

// Wake is queue_wake.
func (q Queue) Wake() { C.queue_wake(q.c) }

// Depth is queue_pending.
func (q Queue) Depth() uint64 { return uint64(C.queue_pending(q.c)) }

// Statistics is queue_statistics.
func (q Queue) Statistics() Statistics {
	var s C.cothread_stats
	C.queue_statistics(q.c, &s)
	out := Statistics{
		Bound: uint64(s.callback_bound), Depth: uint64(s.callback_depth), HighWater: uint64(s.callback_high_water),
		Accepted: uint64(s.callback_accepted), Refused: uint64(s.callback_refused),
		Replaced: uint64(s.callback_replaced), Run: uint64(s.callback_run),
	}
	for i := range out.Wait {
		out.Wait[i] = uint64(s.callback_wait[i])
	}
	return out
}

// TakeTicket is the first half of a post, PublishTicket the second.
func (q Queue) TakeTicket() uint64 { return uint64(C.take_ticket(q.c)) }

// PublishTicket publishes what TakeTicket took.
func (q Queue) PublishTicket(ticket, number uint64) {
	C.publish_ticket(q.c, C.uint64_t(ticket), C.uintptr_t(number))
}

// ReadTail is how a post begins, and TakeFrom how it gets its ticket.
func (q Queue) ReadTail() uint64 { return uint64(C.read_tail(q.c)) }

// TakeFrom reports whether it got a ticket.
func (q Queue) TakeFrom(tail uint64) bool { return C.take_from(q.c, C.uint64_t(tail)) != 0 }

// PostFromCancelledThread posts in a thread that will end at its next cancellation point; 1: that was the post.
func (q Queue) PostFromCancelledThread(owner int64) int {
	return int(C.post_from_cancelled_thread(q.c, C.int64_t(owner)))
}

// EnterWaker and LeaveWaker enclose a write to the wake descriptor.
func (q Queue) EnterWaker() { C.enter_waker(q.c) }

// LeaveWaker ends what EnterWaker began.
func (q Queue) LeaveWaker() { C.leave_waker(q.c) }

// ErrnoAfterPost sets errno, posts, and returns errno.
func (q Queue) ErrnoAfterPost(owner int64, errno int) int {
	return int(C.errno_after_post(q.c, C.int64_t(owner), C.int(errno)))
}

// StartStorm posts odd numbers from a thread, and even ones from a handler of that many signals that interrupt it.
func (q Queue) StartStorm(owner int64, signals int) bool {
	return C.start_storm(q.c, C.int64_t(owner), C.uintptr_t(signals)) != 0
}

// StormOver reports whether all have ended, and how many odd and even numbers were accepted.
func (q Queue) StormOver() (odd, even uint64, over bool) {
	var plain, handled C.uintptr_t
	over = C.storm_over(&plain, &handled) != 0
	return uint64(plain), uint64(handled), over
}

// Mailbox is a struct mailbox that starts as zeros.
type Mailbox struct{ c *C.struct_mailbox }

// NewMailbox returns a mailbox that was never opened.
func NewMailbox() Mailbox { return Mailbox{C.new_mailbox()} }

// Open is mailbox_open.
func (l Mailbox) Open(token uint64) { C.mailbox_open(l.c, nil, C.uint64_t(token)) }

// Close is mailbox_close.
func (l Mailbox) Close() int { return int(C.mailbox_close(l.c)) }

// Idle is mailbox_idle.
func (l Mailbox) Idle() bool { return C.mailbox_idle(l.c) != 0 }

// Generation is the one that posts are to name.
func (l Mailbox) Generation() uint32 { return uint32(C.generation(l.c)) }

// Post is mailbox_post; replaced is 0 if nothing was.
func (l Mailbox) Post(q Queue, owner int64, generation uint32, value uint64) (code int, replaced uint64) {
	var old C.uintptr_t
	code = int(C.post_value(q.c, C.int64_t(owner), l.c, C.uint32_t(generation), C.uintptr_t(value), &old))
	return code, uint64(old)
}
