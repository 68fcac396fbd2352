/* cothread.h - cooperative tasks for any program that can load a C library.
 * SPDX-License-Identifier: Apache-2.0
 *
 * This file is the contract: a name that is not here is not public.
 *
 *   #include <cothread.h>
 *   #include <stdio.h>
 *
 *   static void *greet(void *name) {
 *       cothread_sleep_until(cothread_after(COTHREAD_SECOND));
 *       printf("hello, %s\n", (char *)name);
 *       return NULL;
 *   }
 *   int main(void) {
 *       cothread_handle scheduler = cothread_create(NULL);
 *       cothread_handle task = cothread_spawn(greet, "world", NULL);
 *       cothread_join(task, NULL, COTHREAD_FOREVER);
 *       return cothread_destroy(scheduler, COTHREAD_FOREVER);
 *   }
 *
 * THE MODEL
 * A scheduler belongs to the thread that created it; a thread has at most one. Its tasks run one at a
 * time on that thread and change only where a call may suspend: nothing between two such calls needs a
 * lock. A tick is one pass: due callbacks first, then tasks whose deadline passed or whose descriptor is
 * ready, then the tasks left from the tick before; each list is FIFO. A task woken during a tick joins
 * the end of that tick (up to 1000 per tick, then the next one), a task that yields the end of the next. A
 * tick takes up to 1024 of the tasks that are due; the others come first among the due of the next.
 *
 * A scheduler is created in one of two ways:
 *   self-driven  main is a task: when it waits, the others run. cothread_run runs them all.
 *   hosted       (COTHREAD_HOSTED) another loop owns the thread and calls cothread_poll_scheduler. A call
 *                that would suspend the thread's own stack answers COTHREAD_EHOSTED.
 *
 * WHO MAY CALL. Each entry has a line "Kind; from":
 *   plain        never suspends and nothing else runs; a few nanoseconds, no system call unless the entry names it
 *   system call  never suspends and nothing else runs, but enters the kernel
 *   wait         may suspend the calling task; other tasks run. Already satisfied: returns at once, but lets the
 *                others run first if 1000 such calls were served in this tick. Never with COTHREAD_NOW
 *   own stack    the scheduler's thread outside any task: main, or the host's code
 *   task         a task's function, and everything it calls; a callback runs in a task too
 *   any thread   any thread, with or without a scheduler
 *   signal       a signal handler too
 *
 * WHAT IT RETURNS. Zero or a positive result, or a negative COTHREAD_E... code; nothing has happened
 * then unless the entry says otherwise. cothread_last_error() has the sentence that names the argument.
 * STANDARD ERRORS, not repeated at each entry:
 *   COTHREAD_ENOSCHEDULER  this thread has no scheduler, or its scheduler was destroyed
 *   COTHREAD_EHANDLE       a handle is invented, stale, or of another kind of object
 *   COTHREAD_ETHREAD       a handle belongs to another thread's scheduler
 *   COTHREAD_EINVAL        a NULL or misaligned pointer, a size, flag or number out of range
 *   COTHREAD_ENOMEM        no memory
 *   COTHREAD_EFORKED       this process was forked after the library was loaded; only exec and _exit remain
 *   COTHREAD_EBROKEN       an internal fault stopped this scheduler; last_error keeps its text. Tasks and callbacks
 *                          of this scheduler run no more; destroy it
 * and of every wait, from a place where it would have to suspend:
 *   COTHREAD_ETIMEDOUT     the deadline passed first; nothing was taken
 *   COTHREAD_ECANCELED     the calling task was cancelled; nothing was taken. The other tasks ran once meanwhile
 *   COTHREAD_EINTR         cothread_interrupt ended the wait of main; nothing was taken
 *   COTHREAD_EHOSTED       on a hosted scheduler's own stack
 *
 * errno keeps its value across a wait that suspends. The floating-point control words (MXCSR, x87) are
 * the thread's, shared by its tasks: a task that changes them restores them before it suspends.
 * A task must not be left by longjmp or a C++ exception, nor end its thread. A signal handler that may run on a
 * scheduler's thread needs SA_ONSTACK, and must return: one that leaves cothread_post by longjmp stalls the queue.
 */
#ifndef COTHREAD_H
#define COTHREAD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef COTHREAD_API
#define COTHREAD_API
#endif

/* ---- Version ---------------------------------------------------------------------------------- */

/* The ABI number changes when a program built against an older header would break. */
#define COTHREAD_ABI 2
#define COTHREAD_VERSION "0.2.0"

/* cothread_version returns the library's version, "MAJOR.MINOR.PATCH"; cothread_abi its ABI number: compare
 * it with COTHREAD_ABI when the library is loaded at run time.
 * Plain; from any thread, signal. Never fails. */
COTHREAD_API const char *cothread_version(void);
COTHREAD_API int cothread_abi(void);

/* ---- Errors ----------------------------------------------------------------------------------- */

#define COTHREAD_EINVAL (-1)        /* an argument is out of its range */
#define COTHREAD_EHANDLE (-2)       /* not the handle of a living object of the right kind */
#define COTHREAD_ETHREAD (-3)       /* called from a thread that may not */
#define COTHREAD_ENOSCHEDULER (-4)  /* this thread has no scheduler */
#define COTHREAD_EEXIST (-5)        /* exists already: this thread's scheduler, or the descriptor is adopted */
#define COTHREAD_EBUSY (-6)         /* in use; or called from inside a task, a callback or a tick */
#define COTHREAD_EHOSTED (-7)       /* would block the thread of a hosted scheduler; or needs a hosted one */
#define COTHREAD_EDEAD (-8)         /* the scheduler is being destroyed, or its thread ended */
#define COTHREAD_EFORKED (-9)       /* in a forked child */
#define COTHREAD_ETIMEDOUT (-10)    /* the deadline passed */
#define COTHREAD_ECANCELED (-11)    /* the task was cancelled */
#define COTHREAD_EINTR (-12)        /* interrupted by cothread_interrupt */
#define COTHREAD_ECLOSED (-13)      /* the object was closed, or no more will be sent */
#define COTHREAD_EFULL (-14)        /* the queue is full */
#define COTHREAD_EDEADLK (-15)      /* would wait for itself */
#define COTHREAD_EOWNER (-16)       /* the caller does not hold this mutex */
#define COTHREAD_ENOMEM (-17)       /* out of memory */
#define COTHREAD_ELIMIT (-18)       /* a limit of the system or the library: descriptors, tasks, schedulers */
#define COTHREAD_EBADF (-19)        /* the descriptor is not open */
#define COTHREAD_ESYSTEM (-20)      /* a system call failed; errno says how */
#define COTHREAD_EBROKEN (-21)      /* an internal fault stopped the scheduler */

/* cothread_strerror returns the name and meaning of a code, "COTHREAD_EFULL: the queue is full". A static
 * string; an unknown code gives "unknown error code".
 * Plain; from any thread, signal. */
COTHREAD_API const char *cothread_strerror(int code);

/* cothread_last_error returns one sentence about the last failure on this thread: which argument, which
 * value, what to do. Empty if nothing failed. Valid until the next failure on this thread, which may be another
 * task's: read it before the next wait.
 * Plain; from any thread. */
COTHREAD_API const char *cothread_last_error(void);

/* ---- Handles and time -------------------------------------------------------------------------- */

/* A handle names a scheduler, a task or another object. It is positive, never reused, and knows its
 * scheduler: a stale or foreign handle gets an error, never another object. */
typedef int64_t cothread_handle;

/* Deadlines are absolute: nanoseconds of cothread_now(). One in the past is valid and has passed. */
#define COTHREAD_FOREVER INT64_MAX /* no deadline */
#define COTHREAD_NOW INT64_MIN     /* only look: never suspends, COTHREAD_ETIMEDOUT if it would have to */
#define COTHREAD_MICROSECOND ((int64_t)1000)
#define COTHREAD_MILLISECOND ((int64_t)1000000)
#define COTHREAD_SECOND ((int64_t)1000000000)

/* cothread_now returns the monotonic clock in ns. Setting the wall clock does not move it.
 * Plain; from any thread, signal. */
COTHREAD_API int64_t cothread_now(void);

/* cothread_after returns the deadline `ns` from now; it saturates at both ends, so cothread_after(INT64_MAX)
 * is COTHREAD_FOREVER. A negative `ns` gives a deadline in the past, never COTHREAD_NOW.
 * Plain; from any thread, signal. */
COTHREAD_API int64_t cothread_after(int64_t ns);

/* ---- Scheduler --------------------------------------------------------------------------------- */

#define COTHREAD_HOSTED 1u     /* another loop owns the thread and calls cothread_poll_scheduler */
#define COTHREAD_HOST_POLLS 2u /* with COTHREAD_HOSTED: the host waits for the descriptors (cothread_poll_list) */

typedef struct cothread_options {
    uint32_t size;            /* sizeof(cothread_options) */
    uint32_t flags;           /* COTHREAD_HOSTED, COTHREAD_HOST_POLLS */
    uint32_t stack_size;      /* bytes of a task's stack; 0: 65536. 16384 .. 1 GiB, rounded up to a power of two */
    uint32_t callback_bound;  /* callbacks not started yet; 0: 65536. 1 .. 1048576, rounded up likewise */
    uint32_t callback_budget; /* callbacks started per tick; 0: 256. At most 1048576; hosted: 4096 */
    uint32_t timer_slack;     /* ns by which a deadline may be late so that several share one wake-up;
                                 0: 1000000. 1 .. 1000000000. See cothread_sleep_until */
} cothread_options;

/* cothread_create gives the calling thread a scheduler and returns its handle. `options` may be NULL.
 * The thread's signal mask is left as it was, but SIGURG is unblocked: Go's collector needs it.
 * System call; from any thread that has no scheduler.
 *   COTHREAD_EEXIST  this thread has one already
 *   COTHREAD_ELIMIT  1000 schedulers live already, or no descriptors are left */
COTHREAD_API cothread_handle cothread_create(const cothread_options *options);

/* cothread_destroy ends the scheduler of the calling thread: from its first moment posts answer
 * COTHREAD_EDEAD; callbacks already accepted run; every task is cancelled, and all run until they have
 * ended or `deadline` passes. Returns how many tasks were abandoned (their stacks are gone, their code never
 * runs again) and last_error names them; 0: all ended. Every handle of the scheduler is stale afterwards.
 * On a hosted scheduler the native tasks are run; a host task that the host has not finished counts as abandoned.
 * Descriptors still adopted are closed.
 * Runs tasks; from own stack.
 *   COTHREAD_EBUSY   called from inside a task or a callback
 *   COTHREAD_ETHREAD the scheduler is another thread's */
COTHREAD_API int cothread_destroy(cothread_handle scheduler, int64_t deadline);

/* cothread_current returns the handle of the calling thread's scheduler.
 * Plain; from own stack, task. Standard errors only. */
COTHREAD_API cothread_handle cothread_current(void);

/* cothread_run runs the tasks until none is left but main. Callbacks may still be pending. Returns 0 then, or
 *   COTHREAD_ETIMEDOUT `deadline` passed; call again to go on
 *   COTHREAD_EINTR     cothread_interrupt was called
 *   COTHREAD_EBUSY     called from a task
 *   COTHREAD_EHOSTED   the scheduler is hosted: call cothread_poll_scheduler
 * Wait; from own stack. */
COTHREAD_API int cothread_run(int64_t deadline);

/* cothread_interrupt ends main's present wait (any wait, cothread_run, cothread_poll_scheduler), or else its
 * next one that has to suspend, with COTHREAD_EINTR (a poll returns early with its batch). Several before it count as one.
 * Plain, and one write if the scheduler sleeps; from any thread, signal.
 *   COTHREAD_EDEAD  the scheduler is gone */
COTHREAD_API int cothread_interrupt(cothread_handle scheduler);

/* ---- Tasks ------------------------------------------------------------------------------------- */

/* A task's function. What it returns is the task's result. */
typedef void *(*cothread_function)(void *argument);

#define COTHREAD_DETACHED 1u /* a task nobody will join, as after cothread_detach */

typedef struct cothread_task_options {
    uint32_t size;       /* sizeof(cothread_task_options) */
    uint32_t flags;      /* COTHREAD_DETACHED */
    uint32_t stack_size; /* bytes; 0: the scheduler's. 16384 .. 1 GiB, rounded up to a power of two */
    uint32_t reserved;   /* 0 */
    const char *name;    /* copied, cut to 31 bytes; NULL: none */
} cothread_task_options;

/* cothread_spawn creates a task that will call function(argument), and returns its handle. It starts in
 * spawn order, in this tick, and not before the caller suspends. Join it, detach it or add it to a group:
 * until then an ended task keeps its result. A function with more than 4 KB of locals may step over the guard page at
 * the stack's end: compile what tasks call with -fstack-clash-protection.
 * Plain (mmap when the stacks kept ready are used up); from own stack, task.
 *   COTHREAD_ENOMEM  no memory for its stack
 *   COTHREAD_ELIMIT  4194303 tasks exist already
 *   COTHREAD_EDEAD   the scheduler is being destroyed */
COTHREAD_API cothread_handle cothread_spawn(cothread_function function, void *argument,
                                            const cothread_task_options *options);

/* cothread_join waits until `task` has ended, stores its result unless `result` is NULL, and releases the
 * handle. Any number of tasks may wait for one; all get the result. After that the handle is stale.
 * Wait; from own stack, task.
 *   COTHREAD_EDEADLK  a task joins itself
 *   COTHREAD_EHANDLE  joined or detached already, or in a group */
COTHREAD_API int cothread_join(cothread_handle task, void **result, int64_t deadline);

/* cothread_detach gives the task up: its result is dropped when it ends, or now. The handle stays valid for
 * cancel and wakeup while the task lives. Plain; from own stack, task.
 *   COTHREAD_EBUSY  somebody waits to join it */
COTHREAD_API int cothread_detach(cothread_handle task);

/* cothread_cancel asks a task to end: the wait it is in ends with COTHREAD_ECANCELED, and so does every later
 * one that would suspend; a call that is satisfied at once succeeds, so that the task can clean up behind itself.
 * It undoes nothing: a task already woken keeps what it was given, and sees the request at its next
 * wait. A task not started starts. Cancelling main or oneself is allowed; an ended task: no effect.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_cancel(cothread_handle task);

/* cothread_self returns the handle of the calling task; on a self-driven scheduler's own stack that is main's.
 * Plain; from own stack, task.
 *   COTHREAD_EHOSTED  on a hosted scheduler's own stack, which is no task */
COTHREAD_API cothread_handle cothread_self(void);

/* cothread_yield lets every other ready task run once. Always suspends. Returns 0, or COTHREAD_ECANCELED
 * (having yielded all the same) if the task was cancelled. Wait; from own stack, task. */
COTHREAD_API int cothread_yield(void);

/* cothread_sleep_until suspends until `deadline`; one that has passed, COTHREAD_NOW too, is a yield. Returns 0.
 * Never wakes early except by COTHREAD_ECANCELED and, in main, COTHREAD_EINTR; late by what the system needs (50 us
 * of timer slack) and the tasks before it; beside eight or more deadlines that pass together, by up to 1 ms more.
 * Wait; from own stack, task.
 *   cothread_sleep_until(cothread_after(20 * COTHREAD_MILLISECOND)); */
COTHREAD_API int cothread_sleep_until(int64_t deadline);

/* cothread_sleep suspends for `ns` nanoseconds: cothread_sleep_until(cothread_after(ns)). 0 or less is a
 * yield. Returns 0. Wait; from own stack, task. */
COTHREAD_API int cothread_sleep(int64_t ns);

/* cothread_shield(1) lets the waits of a cancelled task suspend again, so that it can clean up: the request
 * stays, and ends waits again after cothread_shield(0). Returns whether it was on: a function that shields
 * itself restores what it found. A callback's shield ends with it. Plain; from own stack, task.
 *   COTHREAD_EINVAL   `on` is neither 0 nor 1
 *   COTHREAD_EHOSTED  on a hosted scheduler's own stack, which is no task
 *   int was = cothread_shield(1);
 *   cothread_group_wait(children, 0, COTHREAD_FOREVER);
 *   cothread_shield(was); */
COTHREAD_API int cothread_shield(int on);

/* cothread_wait_until suspends until cothread_wakeup names this task (0) or `deadline` passes. It is what
 * events, channels and bindings are made of. Wait; from own stack, task.
 * cothread_wakeup ends the wait_until of `task`: 1 if it was in one, 0 if not: nothing is remembered then.
 * Plain; from own stack, task. From another thread: cothread_post a callback that wakes it. */
COTHREAD_API int cothread_wait_until(int64_t deadline);
COTHREAD_API int cothread_wakeup(cothread_handle task);

/* ---- What tasks share --------------------------------------------------------------------------
 * Waiters are served in FIFO order, and what they wait for is handed to them: nobody can take it in between.
 * The calls that do not wait are plain. All from own stack and task of the owning scheduler. */

/* cothread_close ends any object below: everyone waiting on it gets COTHREAD_ECLOSED and its handle is stale.
 * A channel's undelivered elements are dropped, a group's members go on detached, an adopted
 * descriptor is closed. Plain; an adopted descriptor: system call. From own stack, task.
 *   COTHREAD_EHANDLE  a task or a scheduler: join, detach, destroy
 *   COTHREAD_EBUSY    a mutex that is held */
COTHREAD_API int cothread_close(cothread_handle object);

/* An event carries one value, a pointer-sized word that the library never looks at.
 * cothread_event_create: flags 0, or COTHREAD_MANUAL_RESET: stays signalled until reset.
 * cothread_event_signal: with a waiter, hands `value` to the first one; else the event is signalled and keeps
 *   `value`, overwriting an unread one. Manual reset: every waiter gets it and the event stays signalled.
 *   Returns how many were woken.
 * cothread_event_wait: returns 0 once signalled, stores the value unless `value` is NULL, and consumes it
 *   (not if manual). Wait.
 * cothread_event_reset: not signalled any more. Returns 1 if it was. */
#define COTHREAD_MANUAL_RESET 1u
COTHREAD_API cothread_handle cothread_event_create(uint32_t flags);
COTHREAD_API int cothread_event_signal(cothread_handle event, void *value);
COTHREAD_API int cothread_event_wait(cothread_handle event, void **value, int64_t deadline);
COTHREAD_API int cothread_event_reset(cothread_handle event);

/* A channel carries elements of a fixed size, FIFO.
 * cothread_channel_create: element_size 0 .. 65536 bytes; capacity 0 .. 2^24 elements, at most 1 GiB in all.
 *   Capacity 0: send and receive meet.
 * cothread_channel_send: copies the element in; waits while the channel is full. Wait.
 *   COTHREAD_ECLOSED after cothread_channel_done.
 * cothread_channel_receive: copies the oldest element out; waits while there is none. Wait.
 *   COTHREAD_ECLOSED after cothread_channel_done, once it is empty.
 * cothread_channel_done: no more will be sent. Waiting receivers and senders get COTHREAD_ECLOSED, elements
 *   already in can be received. Twice: COTHREAD_ECLOSED.
 * `element` may be NULL only if element_size is 0. */
COTHREAD_API cothread_handle cothread_channel_create(size_t element_size, size_t capacity, uint32_t flags);
COTHREAD_API int cothread_channel_send(cothread_handle channel, const void *element, int64_t deadline);
COTHREAD_API int cothread_channel_receive(cothread_handle channel, void *element, int64_t deadline);
COTHREAD_API int cothread_channel_done(cothread_handle channel);

/* A mutex is held by one task across its waits. Not recursive.
 * cothread_mutex_lock: 0, or 1 if the previous owner ended while holding it; the caller holds it in both
 *   cases. Wait. COTHREAD_EDEADLK: the caller holds it already. COTHREAD_EHOSTED: a hosted scheduler's own
 *   stack is no task and can hold none.
 * cothread_mutex_unlock: hands it to the first waiter. COTHREAD_EOWNER: the caller does not hold it. */
COTHREAD_API cothread_handle cothread_mutex_create(uint32_t flags);
COTHREAD_API int cothread_mutex_lock(cothread_handle mutex, int64_t deadline);
COTHREAD_API int cothread_mutex_unlock(cothread_handle mutex);

/* A semaphore counts units, 0 .. 2^31 - 1.
 * cothread_semaphore_acquire: takes one unit. Wait.
 * cothread_semaphore_release: gives `units` (1 or more) back. COTHREAD_EINVAL: above the maximum. */
COTHREAD_API cothread_handle cothread_semaphore_create(uint32_t units, uint32_t flags);
COTHREAD_API int cothread_semaphore_acquire(cothread_handle semaphore, int64_t deadline);
COTHREAD_API int cothread_semaphore_release(cothread_handle semaphore, uint32_t units);

/* A group waits for some of its tasks and cancels the rest.
 * cothread_group_add: the group takes the task over: it can no longer be joined or detached, and its result
 *   is dropped. A task that has ended counts as ended. COTHREAD_EHANDLE: in a group already, waited for,
 *   detached, or main.
 * cothread_group_wait: until `count` members in all have ended, or every member if `count` is 0 or more than
 *   there are. Returns how many have ended. Wait.
 * cothread_group_cancel: cancels every member that lives. Returns how many. */
COTHREAD_API cothread_handle cothread_group_create(uint32_t flags);
COTHREAD_API int cothread_group_add(cothread_handle group, cothread_handle task);
COTHREAD_API int cothread_group_wait(cothread_handle group, uint32_t count, int64_t deadline);
COTHREAD_API int cothread_group_cancel(cothread_handle group);

/* ---- Readiness ---------------------------------------------------------------------------------
 * The bits are those of poll(2). Readiness is a hint: try, and wait again on EAGAIN. */

#define COTHREAD_READABLE 0x1u
#define COTHREAD_PRIORITY 0x2u
#define COTHREAD_WRITABLE 0x4u
#define COTHREAD_ERROR 0x8u     /* reported whether asked for or not */
#define COTHREAD_HANGUP 0x10u   /* reported whether asked for or not */
#define COTHREAD_READHUP 0x2000u /* the peer shut down its writing half */

/* cothread_wait_fd waits until a descriptor the caller owns has one of `events` (at least one; ERROR to wait for
 * nothing else), an error or a hangup. Returns the bits, > 0. Level-triggered: what was not read is reported again; the
 * caller may read partially, close the descriptor and reuse its number. A regular file is always ready.
 * Several tasks may wait on one descriptor. The kernel does not report that it was closed while a task
 * waits: call cothread_wake_fd first. COTHREAD_NOW looks once. Wait; from own stack, task.
 *   COTHREAD_EBADF   the descriptor is not open
 *   COTHREAD_ECLOSED cothread_wake_fd was called
 *   COTHREAD_EEXIST  the descriptor is adopted: use cothread_wait_ready. Found when the wait has to suspend
 *   COTHREAD_ELIMIT  the kernel takes no more descriptors
 * cothread_wake_fd ends every wait on the descriptor with COTHREAD_ECLOSED. Returns how many.
 * System call; from own stack, task. */
COTHREAD_API int cothread_wait_fd(int fd, uint32_t events, int64_t deadline);
COTHREAD_API int cothread_wake_fd(int fd);

/* An adopted descriptor belongs to the library until it is released or closed: it is made non-blocking and
 * registered once, so that waiting on it costs no system call. To connect: adopt the socket, call connect, and on
 * EINPROGRESS cothread_wait_ready for COTHREAD_WRITABLE; getsockopt SO_ERROR says how it went.
 * cothread_adopt: a socket, pipe, terminal or anything else epoll takes; one number only once. System call.
 *   COTHREAD_EINVAL  a regular file or directory, which is always ready
 *   COTHREAD_EEXIST  adopted already
 * cothread_release: gives the descriptor back and returns its number; waiters get COTHREAD_ECLOSED. It stays
 *   non-blocking. System call. (cothread_close closes it too.)
 * cothread_descriptor: its number. Plain.
 * All from own stack, task. */
COTHREAD_API cothread_handle cothread_adopt(int fd, uint32_t flags);
COTHREAD_API int cothread_release(cothread_handle adopted);
COTHREAD_API int cothread_descriptor(cothread_handle adopted);

/* cothread_wait_ready waits until an adopted descriptor has one of `events` and returns the bits, > 0, for
 * what cothread_read, write and accept do not do (recvmsg, say). Looks first. Wait; from own stack, task. */
COTHREAD_API int cothread_wait_ready(cothread_handle adopted, uint32_t events, int64_t deadline);

/* cothread_read reads what is there, at most `size` (1 or more) bytes, as soon as there is any; returns how many;
 * 0: the peer has sent its last. Tries first. Wait; from own stack, task.
 * cothread_write writes all `size` bytes and returns `size`; or fewer, if the deadline, a cancel or an
 * error came after some were written: the next call with the same deadline says which, and on a hosted scheduler's
 * own stack if the rest does not fit. Tries first. Wait; from own stack, task.
 *   COTHREAD_ESYSTEM  read or write failed; errno says how (EPIPE: the peer is gone; no SIGPIPE from a socket) */
COTHREAD_API int64_t cothread_read(cothread_handle adopted, void *buffer, size_t size, int64_t deadline);
COTHREAD_API int64_t cothread_write(cothread_handle adopted, const void *data, size_t size, int64_t deadline);

/* cothread_accept waits for a connection on an adopted listening socket and returns it, adopted,
 * close-on-exec. Wait and system call; from own stack, task.
 *   COTHREAD_ESYSTEM  accept failed; errno says how
 *   COTHREAD_ELIMIT   no descriptor is left; the connection stays in the backlog */
COTHREAD_API cothread_handle cothread_accept(cothread_handle listener, int64_t deadline);

/* ---- Callbacks from other threads --------------------------------------------------------------
 * A callback runs on the scheduler's thread, in a task, so it may do what a task may. One queue per
 * scheduler, bounded, FIFO per calling thread: a callback starts after those its thread posted before it. When
 * one waits, the next may start before it has returned. COTHREAD_ECANCELED ends a callback's waits during destroy. */

typedef void (*cothread_callback)(void *argument);

/* cothread_post queues callback(argument). If the queue is full: COTHREAD_NOW answers COTHREAD_EFULL; any other
 * deadline waits for room. On a hosted scheduler `callback` may be NULL: the host gets `argument` as the
 * token of a COTHREAD_POSTED entry in its next batch. Once accepted a callback runs, even while destroy is
 * under way; tokens not polled by then are dropped.
 * Plain with COTHREAD_NOW, and one write if the scheduler sleeps; from any thread, signal (COTHREAD_NOW only).
 *   COTHREAD_EFULL     full; nothing was queued
 *   COTHREAD_ETIMEDOUT still full at the deadline
 *   COTHREAD_EDEADLK   full, and called from the scheduler's own stack, which would have to empty it
 *   COTHREAD_EDEAD     the scheduler is being destroyed, is gone, or stopped by an internal fault
 * In a task of that scheduler a wait for room suspends the task; the callbacks run before a deadline is looked at. */
COTHREAD_API int cothread_post(cothread_handle scheduler, cothread_callback callback, void *argument, int64_t deadline);

/* The newest value wins: a `mailbox` has one pending value at most, however fast it is posted.
 * cothread_mailbox_create: for callback(value); NULL on a hosted scheduler: the host gets COTHREAD_POSTED with
 *   `token` and the value. Plain; from own stack, task. End it with cothread_close: a pending value is dropped.
 * cothread_mailbox_post: makes `value` the pending one. 0: queued. 1: it took the place of a pending value,
 *   which is stored in *replaced unless `replaced` is NULL (free it there; else *replaced is left alone). Plain, and one write if the
 *   scheduler sleeps; from any thread, signal.
 *   COTHREAD_EFULL, COTHREAD_EDEAD as above; COTHREAD_EHANDLE after cothread_close. */
COTHREAD_API cothread_handle cothread_mailbox_create(cothread_callback callback, uint64_t token, uint32_t flags);
COTHREAD_API int cothread_mailbox_post(cothread_handle mailbox, void *value, void **replaced);

/* ---- Embedding: a loop that is not ours -------------------------------------------------------- */

/* cothread_poll_scheduler, on a hosted scheduler: takes the requests in the ring, runs ticks until host tasks
 * are ready, `deadline` passes, or a signal or cothread_interrupt ends it, and puts the batch into the ring.
 * COTHREAD_NOW runs one tick and does not block. Returns the number of entries in the batch; 0 is usual.
 * Wait; from own stack.
 *   COTHREAD_EBUSY    called inside a task, a callback or a tick
 *   COTHREAD_EHOSTED  the scheduler is self-driven */
COTHREAD_API int cothread_poll_scheduler(int64_t deadline);

/* cothread_poll_fd returns a descriptor that is readable whenever poll_scheduler(COTHREAD_NOW) has something to do:
 * put it in the host's loop. It belongs to the library. Whatever changes between two polls (a wake from the
 * host's code, a post, a nearer deadline) makes it readable by itself; only requests still in the ring
 * do not count: cothread_submit them. System call; from own stack.
 *   COTHREAD_EHOSTED  self-driven, or COTHREAD_HOST_POLLS
 *   COTHREAD_ELIMIT   no descriptor is left for its timer */
COTHREAD_API int cothread_poll_fd(void);

/* cothread_next_deadline stores when poll_scheduler next has something to do if no descriptor becomes ready:
 * COTHREAD_NOW: at once; COTHREAD_FOREVER: never. With cothread_poll_fd it is only an optimisation.
 * Plain; from own stack. */
COTHREAD_API int cothread_next_deadline(int64_t *deadline);

/* For hosts that can only poll lists (COTHREAD_HOST_POLLS):
 * cothread_poll_list: stores up to `capacity` descriptors to wait for, and returns how many there are in all: larger
 *   than `capacity`: call again with more room. The first is the library's own and becomes readable when
 *   the list changes, a task was woken or a callback posted. Ask again before each wait.
 * cothread_poll_deliver: hands back what the host's poll found; call cothread_poll_scheduler next. Entries with
 *   revents 0 are skipped, descriptors nobody waits for any more are ignored.
 * Plain; from own stack. COTHREAD_EHOSTED: created without COTHREAD_HOST_POLLS. */
typedef struct cothread_pollfd {
    int32_t fd;
    uint16_t events; /* 0: only errors and hangups, which poll(2) reports unasked */
    uint16_t revents;
} cothread_pollfd;
COTHREAD_API int cothread_poll_list(cothread_pollfd *list, int capacity);
COTHREAD_API int cothread_poll_deliver(const cothread_pollfd *list, int count);

/* Host tasks: continuations the host owns (greenlets, fibers, generators). The library keeps what they wait for
 * and says when they are ready; the host switches. One call per batch: requests and batch
 * are arrays in memory that both sides see.
 *
 * The host writes requests[request_count++]; poll_scheduler and cothread_submit take them in order and set
 * request_count to 0. The batch is ready[0 .. ready_count), valid until the next poll.
 * A request that cannot be served ends at once: its task is in the next batch with the error as reason. A second
 * request of a task that waits replaces the first. A request whose `task` is no host task is ignored. */

#define COTHREAD_WAIT 1        /* until deadline; with fd >= 0 also until `events` */
#define COTHREAD_WITHDRAW 2    /* the host resumes the task itself: its wait, if it has one, is forgotten and never in a batch */
#define COTHREAD_FINISH 3      /* the task ended: those who join it get `value`, and its handle is released */
#define COTHREAD_WAIT_EVENT 4  /* cothread_event_wait on `object`; the value arrives in the batch */
#define COTHREAD_WAIT_SEND 5   /* cothread_channel_send of the element at address `value`, valid until the task is ready */
#define COTHREAD_WAIT_RECEIVE 6 /* cothread_channel_receive to address `value`, valid until the task is ready */
#define COTHREAD_WAIT_LOCK 7   /* cothread_mutex_lock; 1 arrives as value if the previous owner ended holding it */
#define COTHREAD_WAIT_ACQUIRE 8 /* cothread_semaphore_acquire */
#define COTHREAD_WAIT_JOIN 9   /* cothread_join; the result arrives in the batch */
#define COTHREAD_UNLOCK 10     /* cothread_mutex_unlock; in the batch only if it fails */

typedef struct cothread_request {
    cothread_handle task;   /* a host task */
    int32_t operation;      /* COTHREAD_WAIT .. */
    int32_t fd;             /* COTHREAD_WAIT: a descriptor, or -1 */
    int64_t deadline;       /* every wait */
    cothread_handle object; /* the other waits: what is waited on; COTHREAD_WAIT with fd >= 0: the events */
    int64_t value;
} cothread_request;

#define COTHREAD_POSTED 1 /* reason of a batch entry that is a callback for the host, not a task */

typedef struct cothread_ready {
    uint64_t token; /* the host task's, or the callback's */
    int32_t reason; /* 0: woken; COTHREAD_POSTED; or a negative code, COTHREAD_ETIMEDOUT among them */
    uint32_t events; /* descriptor waits: the bits */
    int64_t value;  /* event's value, task's result, mailbox's value */
} cothread_ready;

typedef struct cothread_ring {
    uint32_t size;         /* sizeof(cothread_ring) as the library knows it */
    uint32_t capacity;     /* entries of each array: 4096 */
    uint32_t request_size; /* bytes from one request to the next: those of the library's cothread_request */
    uint32_t ready_size;   /* likewise of the batch */
    cothread_request *requests;
    cothread_ready *ready;
    int64_t request_count; /* written by the host, set to 0 when taken */
    int64_t ready_count;   /* written by poll_scheduler; the host may set it to 0 */
    /* Stamped by the host at each switch, so that statistics and a watchdog see its tasks: */
    cothread_handle current; /* the host task that runs; 0: none */
    int64_t switches;        /* so far */
} cothread_ring;

/* cothread_host_ring returns the ring of the calling thread's hosted scheduler, or NULL (last_error says why).
 * Plain; from own stack. */
COTHREAD_API cothread_ring *cothread_host_ring(void);

/* cothread_host_create makes a host task; `token` comes back in each of its batch entries. `name` may be
 * NULL. It is not ready: the host starts it itself. Native tasks may join, cancel and wake it like their own.
 * A cancelled host task is not told twice: it gets COTHREAD_ECANCELED for the wait it is in and each later one.
 * Plain; from own stack. COTHREAD_EHOSTED: the scheduler is self-driven. */
COTHREAD_API cothread_handle cothread_host_create(uint64_t token, const char *name, uint32_t flags);

/* cothread_submit takes the requests in the ring now, without running anything: when the ring is full, or
 * before the host waits on cothread_poll_fd. Returns how many. System call; from own stack. */
COTHREAD_API int cothread_submit(void);

/* ---- Statistics -------------------------------------------------------------------------------- */

#define COTHREAD_GUARD_KERNEL 1  /* MADV_GUARD_INSTALL: a page that faults, no mapping of its own */
#define COTHREAD_GUARD_PROTECT 2 /* mprotect: two mappings per stack */
#define COTHREAD_GUARD_CANARY 3  /* neither is to be had: a pattern checked at each switch away */

/* Counters since creation, and present values. Each is read whole; together they are not one instant. */
typedef struct cothread_stats {
    uint32_t size; /* sizeof(cothread_stats), set by the caller: only so much is written */
    uint32_t guard; /* COTHREAD_GUARD_... in force */
    uint64_t ticks;
    uint64_t switches;          /* to native tasks */
    uint64_t host_switches;     /* stamped by the host */
    uint64_t tasks_spawned;
    uint64_t tasks_ready;       /* present values: native and host tasks, main excepted */
    uint64_t tasks_waiting;
    uint64_t tasks_ended;       /* ended, not joined yet */
    uint64_t timers_armed;      /* deadlines the tick half keeps now */
    uint64_t timers_fired;
    uint64_t descriptors;       /* registered now, adopted and waited for */
    uint64_t polls;             /* system calls that looked for readiness */
    uint64_t sleeps;            /* of those, the ones that could block */
    uint64_t callback_bound;
    uint64_t callback_depth;    /* pending now */
    uint64_t callback_high_water;
    uint64_t callback_accepted;
    uint64_t callback_refused;  /* posts answered COTHREAD_EFULL or COTHREAD_ETIMEDOUT */
    uint64_t callback_replaced;
    uint64_t callback_run;      /* started */
    uint64_t callback_wait[32]; /* sampled waiting times: [i] counts those in [2^i, 2^(i+1)) ns; one in 32 is
                                   sampled, and each that finds the scheduler asleep */
    uint64_t stacks_in_use;
    uint64_t stacks_pooled;
    uint64_t stack_bytes;       /* address space of all stacks */
    uint64_t events;            /* living objects of each kind */
    uint64_t channels;
    uint64_t mutexes;
    uint64_t semaphores;
    uint64_t groups;
    uint64_t adopted;
    uint64_t mailboxes;
} cothread_stats;

/* cothread_statistics fills *stats for a living scheduler.
 * Plain; from any thread. COTHREAD_EDEAD: the scheduler is gone. */
COTHREAD_API int cothread_statistics(cothread_handle scheduler, cothread_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
