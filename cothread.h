/* cothread.h - cooperative tasks for any program that can load a C library.
 * SPDX-License-Identifier: Apache-2.0
 *
 * This file is the contract and the manual: a name that is not here is not public.
 *
 *   #include <cothread.h>
 *   #include <stdio.h>
 *
 *   static void *greet(void *name) {
 *       cothread_sleep(COTHREAD_SECOND);
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
 * A scheduler belongs to the thread that created it; a thread has at most one. Its tasks run one at
 * a time on that thread and change only where a call may suspend: nothing between two such calls
 * needs a lock. A tick is one pass: due callbacks first, then tasks whose deadline passed or whose
 * descriptor is ready, then the tasks left from the tick before; each list is FIFO. A task woken
 * during a tick joins the end of that tick (up to 1000 per tick, the others join the next one); a
 * task that yields joins the end of the next. A tick takes up to 1024 of the tasks that are due;
 * the others come first among the due of the next.
 *
 * A scheduler is created in one of two ways:
 *   self-driven  main is a task: when it waits, the others run. cothread_run runs them all.
 *   hosted       (COTHREAD_HOSTED) another loop owns the thread and calls cothread_poll_scheduler.
 *                A call that would suspend the thread's own stack answers COTHREAD_EHOSTED.
 *
 * The reason why a wait ends is fixed when its task becomes ready: what comes later, a cancel or a
 * deadline, undoes nothing that was handed over. There is one exception. Readiness hands nothing
 * over, so cothread_wake_fd, cothread_release and cothread_close may turn the reason of a ready
 * task that has not run since into COTHREAD_ECLOSED; for a host task, until its entry is in the
 * batch.
 *
 * NAMES
 * One prefix rule: cothread_<object>_<verb> acts on an object (event, channel, mutex, semaphore,
 * group, mailbox, timer, signal, watch, process, pool, job, file, connection, address, host for the
 * host's tasks and ring). cothread_<verb> concerns the calling task, the scheduler, a task, or a
 * descriptor; a word after the verb says which or until when (wait_fd, poll_list, sleep_until). A
 * getter is named for what it returns (current, descriptor, task_name). Types are cothread_<noun>,
 * constants COTHREAD_<NAME>.
 *
 * THE ENTRIES
 * Each function has one comment in a fixed order: what it does; its parameters; what it returns and
 * its errors; an example where it helps; and a last line "Kind; from", which says how it behaves
 * and where it may be called from.
 *   plain        never suspends, and nothing else runs; a few nanoseconds, and no system call
 *                unless the entry names it
 *   system call  never suspends, and nothing else runs, but it enters the kernel
 *   wait         may suspend the calling task; other tasks run. A wait that is satisfied already
 *                returns at once, but lets the other tasks run first if 1000 waits of any kind were
 *                satisfied so in this tick. With COTHREAD_NOW nothing else runs.
 *   own stack    the scheduler's thread outside any task: main, or the host's code
 *   task         a task's function, and everything it calls; a callback runs in a task too
 *   any thread   any thread, with or without a scheduler
 *   signal       a signal handler too
 *
 * A parameter `deadline` is absolute, in nanoseconds of cothread_now(); every value is valid, and
 * one in the past has passed. If a wait meets one more than 10 s in the past that is not
 * COTHREAD_NOW, cothread_last_error() says "deadlines are absolute: use cothread_after".
 *
 * RESULTS
 * A call returns zero or a positive result, or a negative COTHREAD_E... code; with a code nothing
 * has happened unless the entry says otherwise. cothread_last_error() has the sentence that names
 * the argument. Any call may answer one of these STANDARD ERRORS, which its entry repeats only to
 * add something:
 *   COTHREAD_ENOSCHEDULER  this thread has no scheduler, or its scheduler was destroyed
 *   COTHREAD_EHANDLE       a handle is invented, stale, or of another kind of object
 *   COTHREAD_ETHREAD       a handle belongs to another thread's scheduler
 *   COTHREAD_EINVAL        a NULL or misaligned pointer, a size, flag or number out of range
 *   COTHREAD_ENOMEM        there is no memory
 *   COTHREAD_ELIMIT        no descriptor is left in this process or system
 *   COTHREAD_ESYSTEM       a system call failed for any other reason; errno has it
 *   COTHREAD_EFORKED       this process was forked after the first cothread_create; only exec
 *                          and _exit remain
 *   COTHREAD_EBROKEN       an internal fault stopped this scheduler; last_error keeps its text.
 *                          Tasks and callbacks of this scheduler run no more; destroy it
 * and every wait, from a place where it would have to suspend, one of these:
 *   COTHREAD_ETIMEDOUT     the deadline passed first; nothing was taken
 *   COTHREAD_ECANCELED     the calling task was cancelled; nothing was taken. The other tasks ran
 *                          once meanwhile
 *   COTHREAD_EINTR         cothread_interrupt ended the wait of main; nothing was taken
 *   COTHREAD_EHOSTED       the caller is a hosted scheduler's own stack
 *
 * STRUCTS GROW
 * A struct that the caller fills begins with its size. A shorter struct of an older header is
 * accepted, and the fields it lacks count as 0; a longer one of a newer header is accepted if what
 * the library does not know is 0. The size is a multiple of 4, and at least that of the first
 * header of this ABI: COTHREAD_EINVAL otherwise. Of a struct that the library fills
 * (cothread_stats) it writes the smaller of both sizes and sets the rest of the caller's to 0. The
 * host's arrays have strides (cothread_ring).
 *
 * WHAT A TASK MUST NOT DO
 * errno keeps its value across a wait that suspends. The floating-point control words (MXCSR, x87)
 * are the thread's, shared by its tasks: a task that changes them restores them before it suspends.
 * A C++ exception that is handled or in flight is its task's: a catch block and a destructor may
 * wait. One that leaves a task's function ends the program, with the task's name on stderr.
 * A task must not be left by longjmp, nor end its thread. A signal handler that may run on a
 * scheduler's thread needs SA_ONSTACK, and must return: one that leaves cothread_post by longjmp
 * stalls the queue.
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

/* COTHREAD_CHECKED marks functions whose result must not be ignored: a handle that is to be
 * released, a number of bytes, a lock that was perhaps not got, an element that was perhaps not
 * taken. */
#ifndef COTHREAD_CHECKED
#ifdef __GNUC__
#define COTHREAD_CHECKED __attribute__((warn_unused_result))
#else
#define COTHREAD_CHECKED
#endif
#endif

/* ---- Version --------------------------------------------------------------------------------- */

/* COTHREAD_ABI changes when a program built against an older header would break. */
#define COTHREAD_ABI 2
#define COTHREAD_VERSION "0.2.0"

/* cothread_version returns the version of the library.
 * Returns "MAJOR.MINOR.PATCH", a static string. Never fails.
 * Plain; from any thread, signal. */
COTHREAD_API const char *cothread_version(void);

/* cothread_abi returns the ABI number of the library: a program that loads it at run time compares
 * the number with COTHREAD_ABI.
 * Returns a positive number. Never fails.
 * Plain; from any thread, signal. */
COTHREAD_API int cothread_abi(void);

/* ---- Errors ---------------------------------------------------------------------------------- */

#define COTHREAD_EINVAL (-1)       /* an argument is out of its range */
#define COTHREAD_EHANDLE (-2)      /* not the handle of a living object of the right kind */
#define COTHREAD_ETHREAD (-3)      /* called from a thread that may not */
#define COTHREAD_ENOSCHEDULER (-4) /* this thread has no scheduler */
#define COTHREAD_EEXIST (-5)       /* exists already: a scheduler, an adopted descriptor */
#define COTHREAD_EBUSY (-6)        /* in use; or called from inside a task, a callback or a tick */
#define COTHREAD_EHOSTED (-7)      /* would block a hosted scheduler, or needs one */
#define COTHREAD_EDEAD (-8)        /* the scheduler is being destroyed, or its thread ended */
#define COTHREAD_EFORKED (-9)      /* in a forked child */
#define COTHREAD_ETIMEDOUT (-10)   /* the deadline passed */
#define COTHREAD_ECANCELED (-11)   /* the task was cancelled */
#define COTHREAD_EINTR (-12)       /* interrupted by cothread_interrupt */
#define COTHREAD_ECLOSED (-13)     /* the object was closed, or no more will be sent */
#define COTHREAD_EFULL (-14)       /* the queue is full */
#define COTHREAD_EDEADLK (-15)     /* would wait for itself */
#define COTHREAD_EOWNER (-16)      /* the caller does not hold this mutex */
#define COTHREAD_ENOMEM (-17)      /* out of memory */
#define COTHREAD_ELIMIT (-18)      /* a limit of the system or the library: descriptors, tasks */
#define COTHREAD_EBADF (-19)       /* the descriptor is not open */
#define COTHREAD_ESYSTEM (-20)     /* a system call failed; errno says how */
#define COTHREAD_EBROKEN (-21)     /* an internal fault stopped the scheduler */
#define COTHREAD_ENAME (-22)       /* the host's name, or the service, does not resolve */
#define COTHREAD_ESTATE (-23)      /* the connection's state does not allow it */

/* cothread_strerror returns the name and meaning of a code.
 *   code  a result of any call
 * Returns a static string such as "COTHREAD_EFULL: the queue is full"; for an unknown code "unknown
 * error code". Never fails.
 * Plain; from any thread, signal. */
COTHREAD_API const char *cothread_strerror(int code);

/* cothread_last_error returns one sentence about the last failure on this thread: which argument,
 * which value, what to do.
 * Returns the sentence, empty if nothing failed. It is valid until the next failure on this thread,
 * which may be another task's: read it before the next wait. Never fails.
 * Plain; from any thread. */
COTHREAD_API const char *cothread_last_error(void);

/* ---- Handles and time ------------------------------------------------------------------------ */

/* cothread_handle names a scheduler, a task or another object. It is positive, never reused, and
 * carries its scheduler: a stale or foreign handle gets an error, never another object. */
typedef int64_t cothread_handle;

#define COTHREAD_FOREVER INT64_MAX /* no deadline */
#define COTHREAD_NOW INT64_MIN     /* never suspend: COTHREAD_ETIMEDOUT if the call would have to */
#define COTHREAD_MICROSECOND ((int64_t)1000)
#define COTHREAD_MILLISECOND ((int64_t)1000000)
#define COTHREAD_SECOND ((int64_t)1000000000)

/* cothread_now returns the time of the monotonic clock. Setting the wall clock does not move it.
 * Returns nanoseconds, a positive number. Never fails.
 * Plain; from any thread, signal. */
COTHREAD_API int64_t cothread_now(void);

/* cothread_after returns the deadline that lies a given time ahead.
 *   ns  nanoseconds from now; every value is valid. A negative one gives a deadline in the past
 * Returns the deadline. It saturates at both ends: cothread_after(INT64_MAX) is COTHREAD_FOREVER,
 * and the result is never COTHREAD_NOW. Never fails.
 * Plain; from any thread, signal. */
COTHREAD_API int64_t cothread_after(int64_t ns);

/* ---- Scheduler ------------------------------------------------------------------------------- */

#define COTHREAD_HOSTED 1u     /* another loop owns the thread and calls cothread_poll_scheduler */
#define COTHREAD_HOST_POLLS 2u /* with COTHREAD_HOSTED: the host waits for the descriptors */

/* cothread_options says how cothread_create makes a scheduler. A field that is 0 has its default.
 * */
typedef struct cothread_options {
    uint32_t size;            /* sizeof(cothread_options) */
    uint32_t flags;           /* COTHREAD_HOSTED, COTHREAD_HOST_POLLS */
    uint32_t stack_size;      /* bytes of a task's stack; 0: 65536. 16384 .. 1 GiB, rounded up to a
                                 power of two */
    uint32_t callback_bound;  /* callbacks not started yet; 0: 65536. 1 .. 1048576, rounded up to a
                                 power of two */
    uint32_t callback_budget; /* callbacks started per tick; 0: 256. 1 .. 1048576, and on a hosted
                                 scheduler at most 4096 count */
    uint32_t timer_slack;     /* ns by which a deadline may be late so that several share a wake-up;
                                 0: 1000000. 1 .. 1000000000. A wait of d is late by at most an
                                 eighth of d, and never by more than this; one whose deadline
                                 has passed on entry is never delayed, nor is COTHREAD_NOW in a
                                 request. What the system adds, and the tasks that run before, come
                                 on top */
} cothread_options;

/* cothread_create gives the calling thread a scheduler. The thread's signal mask is left as it was,
 * but SIGURG is unblocked: Go's collector needs it.
 *   options  NULL: the defaults
 * Returns the scheduler's handle, or
 *   COTHREAD_EEXIST  this thread has a scheduler already
 *   COTHREAD_ELIMIT  1000 schedulers live already, or no descriptors or threads are left
 * System call; from any thread that has no scheduler. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_create(const cothread_options *options);

/* cothread_destroy ends the scheduler of the calling thread. From its first moment posts answer
 * COTHREAD_EDEAD; callbacks already accepted run; every task is cancelled, and all run until they
 * have ended or the deadline passes. A task that has not ended then is abandoned: its stack is gone
 * and its code never runs again. On a hosted scheduler the native tasks run too, and a host task
 * that the host has not finished counts as abandoned. Descriptors still adopted are closed. Every
 * handle of the scheduler is stale afterwards.
 *   scheduler  the calling thread's scheduler
 *   deadline   absolute, in ns of cothread_now
 * Returns the number of abandoned tasks; 0: all have ended. If there are any, or objects that were
 * never closed, cothread_last_error() names the tasks and counts the objects of each kind. Or
 *   COTHREAD_EBUSY    called from inside a task, a callback or an observer
 *   COTHREAD_ETHREAD  the scheduler is another thread's
 * Wait, on a hosted scheduler too; from own stack. */
COTHREAD_API int cothread_destroy(cothread_handle scheduler, int64_t deadline);

/* cothread_current returns the calling thread's scheduler.
 * Returns its handle.
 * Plain; from own stack, task. */
COTHREAD_API cothread_handle cothread_current(void);

/* cothread_run runs the tasks until none is left but main. Callbacks may still be pending then.
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_ETIMEDOUT  the deadline passed; call again to go on
 *   COTHREAD_EINTR      cothread_interrupt was called
 *   COTHREAD_EBUSY      called from a task or an observer
 *   COTHREAD_EHOSTED    the scheduler is hosted: call cothread_poll_scheduler
 * Wait; from own stack. */
COTHREAD_API int cothread_run(int64_t deadline);

/* cothread_interrupt ends the present wait of main with COTHREAD_EINTR: any wait, cothread_run, or
 * cothread_poll_scheduler, which returns early with its batch. If main is in none, its next one
 * that has to suspend ends so. Several interrupts before that count as one.
 *   scheduler  any living scheduler
 * Returns 0, or
 *   COTHREAD_EDEAD  the scheduler is gone
 * Plain, and one write if the scheduler sleeps; from any thread, signal. */
COTHREAD_API int cothread_interrupt(cothread_handle scheduler);

/* ---- Tasks ----------------------------------------------------------------------------------- */

/* cothread_function is a task's function. What it returns is the task's result. */
typedef void *(*cothread_function)(void *argument);

#define COTHREAD_DETACHED 1u /* a task that will not be joined, as after cothread_detach */

/* cothread_task_options says how cothread_spawn makes a task. A field that is 0 has its default. */
typedef struct cothread_task_options {
    uint32_t size;       /* sizeof(cothread_task_options) */
    uint32_t flags;      /* COTHREAD_DETACHED */
    uint32_t stack_size; /* bytes; 0: the scheduler's. 16384 .. 1 GiB, rounded up likewise */
    uint32_t reserved;   /* 0 */
    const char *name;    /* copied, cut to 31 bytes; NULL: none */
} cothread_task_options;

/* cothread_spawn creates a task that will call function(argument). Tasks start in spawn order, in
 * this tick, and not before the caller suspends. Join the task, detach it, add it to a group or
 * spawn it with COTHREAD_DETACHED: until then an ended task keeps its result. A stack overflow hits
 * the guard of 64 KB at the stack's end and ends the process with the task's name; only a function
 * with more than 60 KB of locals may step over it: compile such a function with
 * -fstack-clash-protection.
 *   function  not NULL
 *   argument  any value; passed on
 *   options   NULL: the defaults
 * Returns the task's handle, or
 *   COTHREAD_ENOMEM  there is no memory for its stack
 *   COTHREAD_ELIMIT  4194303 tasks exist already
 *   COTHREAD_EDEAD   the scheduler is being destroyed
 * Example:
 *   static const cothread_task_options quiet = {sizeof quiet, COTHREAD_DETACHED, 0, 0, "log"};
 *   if (cothread_spawn(write_log, file, &quiet) < 0)
 *       fprintf(stderr, "%s\n", cothread_last_error());
 * Plain (mmap when the stacks kept ready are used up); from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_spawn(cothread_function function,
                                                             void *argument,
                                                             const cothread_task_options *options);

/* cothread_join waits until a task has ended, and releases its handle. Any number of tasks may wait
 * for one: all of them get its result. After that the handle is stale.
 *   task      a task that is not main, not detached and not in a group
 *   result    receives what the task's function returned; NULL: not wanted
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_EDEADLK  a task joins itself
 *   COTHREAD_EINVAL   the task is main, which does not end
 *   COTHREAD_EHANDLE  the task was joined or detached already, or is in a group
 * Wait; from own stack, task. */
COTHREAD_API int cothread_join(cothread_handle task, void **result, int64_t deadline);

/* cothread_detach gives a task up: its result is dropped when it ends, or now if it has ended. The
 * handle stays valid for cothread_cancel and cothread_wakeup while the task lives.
 *   task  a task that is not main, not detached and not in a group
 * Returns 0, or
 *   COTHREAD_EBUSY    another task waits to join it
 *   COTHREAD_EHANDLE  the task is detached already, in a group, or main
 * Plain; from own stack, task. */
COTHREAD_API int cothread_detach(cothread_handle task);

/* cothread_cancel asks a task to end. The wait it is in ends with COTHREAD_ECANCELED, and so does
 * every later one that would suspend; a call that is satisfied at once succeeds, and
 * cothread_shield lets waits suspend again, so that the task can clean up. A cancel undoes nothing:
 * a task that is ready already keeps what it was given, and its next wait meets the request. A task
 * that has not started starts. An ended task is not affected.
 *   task  any task, main or the caller too
 * Returns 0.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_cancel(cothread_handle task);

/* cothread_shield says whether the waits of the calling task may suspend although it is cancelled,
 * so that it can clean up. The request stays, and ends waits again after cothread_shield(0). The
 * shield of a callback ends with the callback.
 *   on  1: they may; 0: they may not
 * Returns 1 if the shield was on, else 0: a function that shields itself restores this. Or
 *   COTHREAD_EHOSTED  called on a hosted scheduler's own stack, which is no task
 * Example:
 *   int was = cothread_shield(1);
 *   cothread_group_wait(children, 0, COTHREAD_FOREVER);
 *   cothread_shield(was);
 * Plain; from own stack, task. */
COTHREAD_API int cothread_shield(int on);

/* cothread_self returns the calling task; on a self-driven scheduler's own stack that is main.
 * Returns its handle, or
 *   COTHREAD_EHOSTED  called on a hosted scheduler's own stack, which is no task
 * Plain; from own stack, task. */
COTHREAD_API cothread_handle cothread_self(void);

/* cothread_task_name copies the name that a task got when it was made. Main has none; that of a
 * callback's task is unspecified.
 *   task    any task, main or the caller too; one that ended, until its handle is released
 *   buffer  receives the name, cut to size - 1 bytes, and always a 0 behind it
 *   size    bytes, 1 or more; 32 hold every name
 * Returns the length of the name in bytes, 0 .. 31, also if it was cut; 0: it has none.
 * Example:
 *   char name[32];
 *   if (cothread_task_name(cothread_self(), name, sizeof name) > 0)
 *       printf("%s: connected\n", name);
 * Plain; from own stack, task. */
COTHREAD_API int cothread_task_name(cothread_handle task, char *buffer, size_t size);

/* cothread_yield lets every other ready task run once. It always suspends.
 * Returns 0, or
 *   COTHREAD_ECANCELED  the task was cancelled; the others ran all the same
 * Wait; from own stack, task. */
COTHREAD_API int cothread_yield(void);

/* cothread_sleep_until suspends the calling task until a deadline. It never wakes early but for
 * COTHREAD_ECANCELED and, in main, COTHREAD_EINTR. It wakes late by what the system needs (50 us of
 * timer slack on Linux), by the tasks that run before it, and by timer_slack (cothread_options) at
 * most.
 *   deadline  absolute, in ns of cothread_now; one that has passed, COTHREAD_NOW too, makes this a
 *             yield
 * Returns 0.
 * Example:
 *   int64_t next = cothread_now();
 *   while (cothread_sleep_until(next += 20 * COTHREAD_MILLISECOND) == 0)
 *       sample(); // fifty times a second, however long it takes
 * Wait; from own stack, task. */
COTHREAD_API int cothread_sleep_until(int64_t deadline);

/* cothread_sleep suspends the calling task for a time, as cothread_sleep_until(cothread_after(ns)).
 *   ns  nanoseconds; 0 or less makes this a yield
 * Returns 0.
 * Wait; from own stack, task. */
COTHREAD_API int cothread_sleep(int64_t ns);

/* cothread_wait_until suspends the calling task until cothread_wakeup names it. With these two a
 * program or a binding can make objects of its own to wait on.
 *   deadline  absolute, in ns of cothread_now
 * Returns 0: woken.
 * Wait; from own stack, task. */
COTHREAD_API int cothread_wait_until(int64_t deadline);

/* cothread_wakeup ends the cothread_wait_until of a task. From another thread: cothread_post a
 * callback that does it.
 *   task  any task of this scheduler
 * Returns 1 if the task was in a cothread_wait_until, else 0: nothing is remembered then.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_wakeup(cothread_handle task);

/* cothread_exceptions is the __cxa_get_globals of a C++ runtime: it returns where that runtime
 * keeps the exceptions of the calling thread. */
typedef void *(*cothread_exceptions)(void);

/* cothread_register_exceptions names a C++ runtime that the library cannot find by itself, so that
 * tasks may wait while they handle its exceptions: one that is linked statically. cothread.hpp does
 * it. A libstdc++.so or libc++abi.so is found, at the latest 64 ticks after it was loaded. Other
 * threads' schedulers know the runtime from their next tick on.
 *   exceptions  the runtime's; the program or library it is in is never unloaded from now on
 * Returns 0, also the second time, or
 *   COTHREAD_ELIMIT  four runtimes are known already
 * Plain (it takes a lock); from any thread. */
COTHREAD_API int cothread_register_exceptions(cothread_exceptions exceptions);

/* ---- What tasks share ------------------------------------------------------------------------
 * Waiters are served in FIFO order, and what they wait for is handed to them: no other task can
 * take it in between. At most 4194303 objects of each kind exist at a time (COTHREAD_ELIMIT). */

/* cothread_close ends any object of the sections below. Every task that waits on it gets
 * COTHREAD_ECLOSED, and its handle is stale. A channel's undelivered elements and a mailbox's
 * pending value are dropped, the members of a group go on detached, and an adopted descriptor is
 * closed: a task that is ready for it and has not run since gets COTHREAD_ECLOSED too.
 *   object  an event, channel, mutex, semaphore, group, mailbox, timer, signal, file watch,
 *           process, pool, job, adopted descriptor or connection
 * Returns 0, or
 *   COTHREAD_EHANDLE  the object is a task or a scheduler: join, detach or destroy it
 *   COTHREAD_EBUSY    the object is a mutex that is held, a job whose call has begun and uses the
 *                     caller's memory, or a connection whose observer is being called
 * Plain, and a system call for what has a descriptor; from own stack, task. */
COTHREAD_API int cothread_close(cothread_handle object);

#define COTHREAD_MANUAL_RESET 1u /* an event that stays signalled until cothread_event_reset */

/* cothread_event_create makes an event. An event is signalled or not, and carries one value, a
 * pointer-sized word that the library never reads.
 *   flags  0, or COTHREAD_MANUAL_RESET
 * Returns the event's handle. It is not signalled.
 * Plain; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_event_create(uint32_t flags);

/* cothread_event_signal hands a value to the first waiter; without a waiter the event is signalled
 * and keeps the value, in place of one that was not taken. With COTHREAD_MANUAL_RESET every waiter
 * gets the value and the event stays signalled.
 *   event  an event
 *   value  any value
 * Returns the number of tasks that were woken.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_event_signal(cothread_handle event, void *value);

/* cothread_event_wait waits until an event is signalled, and ends that state, unless the event was
 * made with COTHREAD_MANUAL_RESET.
 *   event     an event
 *   value     receives the event's value; NULL: not wanted
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_ECLOSED  the event was closed
 * Wait; from own stack, task. */
COTHREAD_API int cothread_event_wait(cothread_handle event, void **value, int64_t deadline);

/* cothread_event_reset makes an event not signalled.
 *   event  an event
 * Returns 1 if it was signalled, else 0.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_event_reset(cothread_handle event);

#define COTHREAD_FROM_THREADS 1u /* a channel that other threads may send to */

/* cothread_channel_create makes a channel. It carries elements of one size in FIFO order. With
 * COTHREAD_FROM_THREADS any thread may send to it, and it is FIFO per sending thread; what is sent
 * while tasks wait for it reaches them at the beginning of the next tick. Only the scheduler's own
 * tasks receive. From the first moment of cothread_destroy nobody can send to it any more.
 *   element_size  bytes, 0 .. 65536
 *   capacity      elements, 0 .. 16777216, and at most 1 GiB in all; 0: a send waits for a receive.
 *                 With COTHREAD_FROM_THREADS at least 1
 *   flags         0, or COTHREAD_FROM_THREADS
 * Returns the channel's handle.
 * Plain; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_channel_create(size_t element_size,
                                                                      size_t capacity,
                                                                      uint32_t flags);

/* cothread_channel_send copies an element into a channel, and waits while the channel is full. With
 * COTHREAD_FROM_THREADS any thread may call it, with or without a scheduler, and a signal handler
 * with COTHREAD_NOW. Another scheduler's task stops its own thread while it waits.
 *   channel   a channel
 *   element   as many bytes as the channel's elements have; NULL only if they have none
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_ECLOSED  cothread_channel_done was called, or the channel was closed while the caller
 *                     waited; nothing was sent
 *   COTHREAD_EFULL    a channel with COTHREAD_FROM_THREADS is full, and the deadline is
 *                     COTHREAD_NOW
 *   COTHREAD_EDEAD    the scheduler of a channel with COTHREAD_FROM_THREADS is being destroyed, is
 *                     gone, or stopped by an internal fault
 * Wait, and one write if the channel's scheduler sleeps; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_channel_send(cothread_handle channel,
                                                        const void *element, int64_t deadline);

/* cothread_channel_receive copies the oldest element out of a channel, and waits while there is
 * none.
 *   channel   a channel
 *   element   room for an element; NULL only if elements have no bytes. Left alone on error
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_ECLOSED  the channel is empty and cothread_channel_done was called, or it was closed
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_channel_receive(cothread_handle channel, void *element,
                                                           int64_t deadline);

/* cothread_channel_done says that no more will be sent. Receivers and senders that wait get
 * COTHREAD_ECLOSED; elements already in the channel can be received.
 *   channel  a channel
 * Returns 0, or
 *   COTHREAD_ECLOSED  it was called before
 * Plain; from own stack, task. */
COTHREAD_API int cothread_channel_done(cothread_handle channel);

/* cothread_mutex_create makes a mutex. One task holds it, across its waits; it is not recursive.
 *   flags  0
 * Returns the mutex's handle. It is free.
 * Plain; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_mutex_create(uint32_t flags);

/* cothread_mutex_lock waits until the calling task holds a mutex.
 *   mutex     a mutex
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or 1 if the previous owner ended while it held the mutex; the caller holds it in both
 * cases. Or
 *   COTHREAD_EDEADLK  the caller holds it already
 *   COTHREAD_EHOSTED  a hosted scheduler's own stack is no task and can hold none
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_mutex_lock(cothread_handle mutex, int64_t deadline);

/* cothread_mutex_unlock gives a mutex back, and hands it to the first waiter.
 *   mutex  a mutex that the calling task holds
 * Returns 0, or
 *   COTHREAD_EOWNER  the caller does not hold it
 * Plain; from own stack, task. */
COTHREAD_API int cothread_mutex_unlock(cothread_handle mutex);

/* cothread_semaphore_create makes a semaphore. It counts units, 0 .. 2147483647.
 *   units  free at first, 0 .. 2147483647
 *   flags  0
 * Returns the semaphore's handle.
 * Plain; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_semaphore_create(uint32_t units,
                                                                        uint32_t flags);

/* cothread_semaphore_acquire takes one unit, and waits while none is free.
 *   semaphore  a semaphore
 *   deadline   absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_ECLOSED  the semaphore was closed
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_semaphore_acquire(cothread_handle semaphore,
                                                             int64_t deadline);

/* cothread_semaphore_release gives units back.
 *   semaphore  a semaphore
 *   units      1 or more
 * Returns 0, or
 *   COTHREAD_EINVAL  more than 2147483647 units would be free; none was given back
 * Plain; from own stack, task. */
COTHREAD_API int cothread_semaphore_release(cothread_handle semaphore, uint32_t units);

/* cothread_group_create makes a group of tasks. A group waits for some of its tasks and cancels the
 * rest.
 *   flags  0
 * Returns the group's handle. It has no members.
 * Plain; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_group_create(uint32_t flags);

/* cothread_group_add makes a task a member of a group, which takes it over: it can no longer be
 * joined or detached, and its result is dropped. A task that has ended counts as ended.
 *   group  a group
 *   task   a task that is not main, not detached, in no group, and that no task waits to join
 * Returns 0, or
 *   COTHREAD_EHANDLE  the task is main, detached, in a group already, or waited for
 * Plain; from own stack, task. */
COTHREAD_API int cothread_group_add(cothread_handle group, cothread_handle task);

/* cothread_group_wait waits until some members of a group, or all, have ended.
 *   group     a group
 *   count     members that must have ended since the group was made; 0, or more than there are: all
 *   deadline  absolute, in ns of cothread_now
 * Returns the number of members that have ended, or
 *   COTHREAD_ECLOSED  the group was closed
 *   COTHREAD_EDEADLK  the count is 0, and the caller is a member itself
 * Wait; from own stack, task. */
COTHREAD_API int cothread_group_wait(cothread_handle group, uint32_t count, int64_t deadline);

/* cothread_group_cancel cancels every member of a group that lives.
 *   group  a group
 * Returns the number of members that were alive.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_group_cancel(cothread_handle group);

/* ---- Readiness -------------------------------------------------------------------------------
 * The bits are those of poll(2). Readiness is a hint: try, and wait again on EAGAIN.
 *
 * One report wakes one task. Of the tasks that wait for a descriptor by number, a report of
 * READABLE, WRITABLE or PRIORITY wakes the first that still waits for that direction; READHUP,
 * HANGUP and ERROR wake all that get them. What is still ready is reported again for the tasks that
 * still wait. A task that comes while another one waits for its direction, or was woken for it and
 * has not run, goes behind it. Of the tasks that wait for an adopted descriptor, a report wakes one
 * reader, writer or acceptor, and every cothread_wait_ready. */

#define COTHREAD_READABLE 0x1u
#define COTHREAD_PRIORITY 0x2u
#define COTHREAD_WRITABLE 0x4u
#define COTHREAD_ERROR 0x8u      /* reported whether asked for or not */
#define COTHREAD_HANGUP 0x10u    /* reported whether asked for or not */
#define COTHREAD_READHUP 0x2000u /* the peer shut down its writing half */

/* cothread_wait_fd waits until a descriptor that the caller owns has one of some events, an error
 * or a hangup. It is level-triggered: what was not read is reported again. The caller may read
 * partially, close the descriptor and reuse its number. A regular file is always ready. Several
 * tasks may wait for one descriptor; for a listening socket cothread_accept is the better call. The
 * kernel does not report that a descriptor was closed while a task waits for it: call
 * cothread_wake_fd first.
 *   fd        an open descriptor that is not adopted
 *   events    at least one of the bits above; COTHREAD_ERROR to wait for nothing else
 *   deadline  absolute, in ns of cothread_now; COTHREAD_NOW polls once
 * Returns the bits that were found, > 0, or
 *   COTHREAD_EBADF    the descriptor is not open
 *   COTHREAD_ECLOSED  cothread_wake_fd was called
 *   COTHREAD_EEXIST   the descriptor is adopted: use cothread_wait_ready. Found when the wait has
 *                     to suspend
 *   COTHREAD_ELIMIT   the system registers no more descriptors
 * Wait; from own stack, task. */
COTHREAD_API int cothread_wait_fd(int fd, uint32_t events, int64_t deadline);

/* cothread_wake_fd ends every wait for a descriptor by number with COTHREAD_ECLOSED, also one whose
 * task is ready and has not run since: call it before the descriptor is closed.
 *   fd  a descriptor's number
 * Returns the number of waits it ended.
 * System call; from own stack, task. */
COTHREAD_API int cothread_wake_fd(int fd);

/* cothread_adopt gives a descriptor to the library until it is released or closed. It is registered
 * once, so that waiting for it costs no system call. To connect: adopt the socket, call connect,
 * and on EINPROGRESS cothread_wait_ready for COTHREAD_WRITABLE; getsockopt SO_ERROR says how it
 * went. Adopting changes no flag that others share: on a socket each call is non-blocking by
 * itself, a pipe or a terminal is reopened. A listening socket, a socket that is not connected yet,
 * and a pipe or terminal that cannot be reopened have no such way: O_NONBLOCK is set on these, and
 * put back when they are released or closed and when the process exits.
 *   fd     a socket, pipe, terminal or anything else that epoll takes; a number can be adopted once
 *   flags  0
 * Returns the handle of the adopted descriptor, or
 *   COTHREAD_EBADF   the descriptor is not open
 *   COTHREAD_EINVAL  it is a regular file or a directory, which is always ready
 *   COTHREAD_EEXIST  it is adopted already
 *   COTHREAD_EBUSY   tasks wait for it by number
 *   COTHREAD_ELIMIT  the system registers no more descriptors
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_adopt(int fd, uint32_t flags);

/* cothread_release gives an adopted descriptor back, open and with the flags it had. Every task
 * that waits for it gets COTHREAD_ECLOSED, also one that is ready and has not run since, and the
 * handle is stale. cothread_close closes the descriptor too.
 *   adopted  an adopted descriptor
 * Returns the descriptor's number.
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_release(cothread_handle adopted);

/* cothread_descriptor returns the number of an adopted descriptor.
 *   adopted  an adopted descriptor
 * Returns the number that was adopted, or that cothread_accept made.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_descriptor(cothread_handle adopted);

/* cothread_wait_ready waits until an adopted descriptor has one of some events, an error or a
 * hangup. It is for what cothread_read, write and accept do not do: connect or recvmsg. It polls
 * first. COTHREAD_READABLE is not reported again after a cothread_read has returned 0. The
 * descriptor itself may block: give your own recvmsg MSG_DONTWAIT, and set O_NONBLOCK to connect.
 *   adopted   an adopted descriptor
 *   events    at least one of the bits above
 *   deadline  absolute, in ns of cothread_now
 * Returns the bits that were found, > 0, or
 *   COTHREAD_ECLOSED  the descriptor was released or closed
 * Wait; from own stack, task. */
COTHREAD_API int cothread_wait_ready(cothread_handle adopted, uint32_t events, int64_t deadline);

/* cothread_read reads from an adopted descriptor, as soon as there is anything. It tries first.
 *   adopted   an adopted descriptor
 *   buffer    room for `size` bytes
 *   size      bytes, 1 .. SSIZE_MAX
 *   deadline  absolute, in ns of cothread_now
 * Returns the number of bytes read, at most `size`; 0: the peer has sent its last. Or
 *   COTHREAD_ECLOSED  the descriptor was released or closed
 *   COTHREAD_ESYSTEM  read failed; errno says how
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int64_t cothread_read(cothread_handle adopted, void *buffer,
                                                    size_t size, int64_t deadline);

/* cothread_write writes to an adopted descriptor, and waits until all bytes are written. It tries
 * first, and raises no SIGPIPE.
 *   adopted   an adopted descriptor
 *   data      `size` bytes
 *   size      bytes, 1 .. SSIZE_MAX
 *   deadline  absolute, in ns of cothread_now
 * Returns `size`; or less, but at least 1, if the deadline, a cancel, an interrupt or an error came
 * after some bytes were written, or if a hosted scheduler's own stack would have to wait for the
 * rest: the next call with the same deadline returns the error. Or
 *   COTHREAD_ECLOSED  the descriptor was released or closed
 *   COTHREAD_ESYSTEM  write failed; errno says how (EPIPE: the peer is gone)
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int64_t cothread_write(cothread_handle adopted, const void *data,
                                                     size_t size, int64_t deadline);

/* cothread_accept waits for a connection on an adopted listening socket, and accepts and adopts it.
 * The connection is close-on-exec.
 *   listener  an adopted listening socket
 *   deadline  absolute, in ns of cothread_now
 * Returns the handle of the adopted connection, or
 *   COTHREAD_ECLOSED  the listener was released or closed
 *   COTHREAD_ELIMIT   no descriptor is left; the connection stays in the backlog. Told after 10 ms,
 *                     unless the deadline is COTHREAD_NOW, so that a loop does not spin
 *   COTHREAD_ESYSTEM  accept failed; errno says how
 * Wait, and a system call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_accept(cothread_handle listener,
                                                              int64_t deadline);

/* ---- Timers ---------------------------------------------------------------------------------- */

#define COTHREAD_CLOCK_JUMPS 1u /* a timer that expires when the clocks jump */

/* cothread_timer_create makes a timer, which cothread_wait waits for. It is stopped. A deadline is
 * enough for a task that waits for one thing; a timer is for one that waits for others beside it,
 * and for what is to happen again and again. With COTHREAD_CLOCK_JUMPS it expires whenever the
 * wall clock is set or the machine was suspended, which no deadline notices: cothread_now goes on
 * from where it was. A wait gets how many jumps there were since the last was told, and as the
 * value by how many ns (int64_t) the wall clock moved in them against cothread_now. Jumps of less
 * than 1 ms are none; several between two looks of a program that did not run are one.
 *   flags  0, or COTHREAD_CLOCK_JUMPS
 * Returns the timer's handle.
 * Plain, and a system call with COTHREAD_CLOCK_JUMPS; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_timer_create(uint32_t flags);

/* cothread_timer_set says when a timer expires. It keeps its step: expiries are at `deadline`,
 * `deadline` + `period` and so on, however late a task learns of one. Those that nobody has learnt
 * of are counted, not caught up with. An expiry is told to every task that waits for the timer, or
 * else to the next wait. An earlier setting and its expiries are forgotten.
 *   timer     a timer, also one that is waited for
 *   deadline  of the first expiry; absolute, in ns of cothread_now. COTHREAD_FOREVER stops the
 *             timer; COTHREAD_NOW: it expires now
 *   period    ns from one expiry to the next; 0: it expires once
 * Returns 1 if an expiry was still to come, else 0: the timer was stopped, or had expired for good.
 * Or
 *   COTHREAD_EINVAL  the period is negative, or the timer was made with COTHREAD_CLOCK_JUMPS
 * Plain; from own stack, task. */
COTHREAD_API int cothread_timer_set(cothread_handle timer, int64_t deadline, int64_t period);

/* ---- Signals ---------------------------------------------------------------------------------
 * While an object of a signal is open each delivery is counted, also while nobody waits, and does
 * nothing else: a second SIGHUP while the first is being served ends no program. Any number may be
 * open for one signal, in any schedulers of the process, and each counts each delivery. Standard
 * signals that come while one is pending are one delivery to the kernel, and so here; real-time
 * signals are counted one by one.
 *
 * It is a handler that counts, with SA_RESTART and on the signal stack. What the first object of a
 * signal found is put back when the last one is closed, unless the program has installed another
 * handler meanwhile. Where the thread that opens an object blocks the signal, what is pending is
 * taken by signalfd instead, and no handler runs; the thread's mask is looked at then, and left as
 * it is. In a forked child the signal does what it would without the objects. */

#define COTHREAD_FORWARD 1u /* the handler that the signal had before is called, too */

/* cothread_signal_open makes an object of a signal: from now until it is closed deliveries are
 * counted. cothread_wait takes the count (COTHREAD_ITEM_SIGNAL).
 *   number  1 .. SIGRTMAX; not SIGKILL and SIGSTOP, not SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP
 *           and SIGSYS, which tell of a fault, and not SIGURG and SIGPROF, which Go's runtime uses
 *   flags   0, or COTHREAD_FORWARD: after counting, the handler that the signal had before its
 *           first object is called. There is none to call if that was SIG_DFL or SIG_IGN
 * Returns the object's handle.
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_signal_open(int number, uint32_t flags);

/* ---- File changes ---------------------------------------------------------------------------- */

/* What may change: of the watched file itself, or of an entry of the watched directory. */
#define COTHREAD_CHANGE_CREATED 1u     /* an entry was made */
#define COTHREAD_CHANGE_MODIFIED 2u    /* written to, or truncated */
#define COTHREAD_CHANGE_WRITTEN 4u     /* closed by somebody who had it open for writing */
#define COTHREAD_CHANGE_ATTRIBUTES 8u  /* permissions, owner, times, number of links */
#define COTHREAD_CHANGE_DELETED 16u    /* the entry, or the watched file */
#define COTHREAD_CHANGE_MOVED_OUT 32u  /* an entry went, or the watched file, by a rename */
#define COTHREAD_CHANGE_MOVED_IN 64u   /* an entry came by a rename */
/* What is told unasked. */
#define COTHREAD_CHANGE_DIRECTORY 256u /* beside one of the above: the entry is one */
#define COTHREAD_CHANGE_GONE 512u      /* the last: the file was deleted, or is not mounted now */
#define COTHREAD_CHANGE_LOST 1024u     /* there were too many changes: look at the files */

/* cothread_change is a change as cothread_wait stores it, at the `element` of an item. */
typedef struct cothread_change {
    uint32_t size;    /* sizeof(cothread_change), set by the caller */
    uint32_t changes; /* COTHREAD_CHANGE_... */
    char name[256];   /* of the entry of a watched directory; "": the watched file itself */
} cothread_change;

/* cothread_watch_open makes an object that tells what changes in a file or a directory. From now
 * until it is closed up to 1024 changes are kept in their order, of which each wait takes one. When
 * there are more, those are dropped, and behind the ones that were kept comes one
 * COTHREAD_CHANGE_LOST. A change that equals the one before is not kept twice. What is watched is
 * the file, not its name: to see a file replaced by a rename, as editors do it, watch its
 * directory. Any number of objects may watch one file.
 *   path     an existing file or directory; a symbolic link is followed. A directory's entries are
 *            watched, but nothing below them
 *   changes  COTHREAD_CHANGE_CREATED .. COTHREAD_CHANGE_MOVED_IN, at least one
 *   flags    0
 * Returns the object's handle, or
 *   COTHREAD_ELIMIT   the system watches no more files for this user: /proc/sys/fs/inotify has its
 *                     limits. All objects of a scheduler share one of `max_user_instances`
 *   COTHREAD_ESYSTEM  the path cannot be watched; errno says why: ENOENT, EACCES ...
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_watch_open(const char *path,
                                                                  uint32_t changes,
                                                                  uint32_t flags);

/* ---- Waiting for several things --------------------------------------------------------------
 * A list of items says what a task waits for; it goes on with all of them that fired. The calls
 * above are the shorter way to wait for one thing.
 *
 * Some items are conditions: a descriptor, adopted or not, a connection, a task's end, a group, a
 * timer, a process, a thread, a job, an event with COTHREAD_MANUAL_RESET. Looking takes nothing
 * from them, and all that hold are reported. The others take: from an event, a channel, a
 * semaphore, a mutex, a signal, a file watch. At most one of these fires, so that "send on A or B"
 * never sends twice; which one, of several that could, is left to chance, so that a busy one
 * starves none. With COTHREAD_ALL each takes what there is, and the second lock of a mutex fires
 * with COTHREAD_EDEADLK.
 *
 * An item that becomes impossible while the task waits (its object was closed, cothread_wake_fd was
 * called) fires with the error as its result. One that is so already fails the call. The same
 * object may stand in several items. A task never meets itself on a channel. */

#define COTHREAD_ITEM_FD 1       /* a descriptor of the caller's, as cothread_wait_fd */
#define COTHREAD_ITEM_READY 2    /* an adopted descriptor, as cothread_wait_ready */
#define COTHREAD_ITEM_TASK 3     /* a task's end; the value is its result, 0 if it is detached or in
                                    a group. Its handle stays valid: join or detach it */
#define COTHREAD_ITEM_GROUP 4    /* `want` members ended, as cothread_group_wait */
#define COTHREAD_ITEM_EVENT 5    /* cothread_event_wait; the value is the event's */
#define COTHREAD_ITEM_RECEIVE 6  /* cothread_channel_receive to `element` */
#define COTHREAD_ITEM_SEND 7     /* cothread_channel_send of `element` */
#define COTHREAD_ITEM_ACQUIRE 8  /* cothread_semaphore_acquire */
#define COTHREAD_ITEM_LOCK 9     /* cothread_mutex_lock */
#define COTHREAD_ITEM_TIMER 10   /* an expiry; the result is how many there were, the value is when
                                    the last was due */
#define COTHREAD_ITEM_SIGNAL 11  /* a signal was delivered; the result is how often since the last
                                    wait, the value is the process that sent the last one, 0: the
                                    system, or it cannot be told */
#define COTHREAD_ITEM_FILE 12    /* a change of what a file watch watches; the value has its
                                    COTHREAD_CHANGE_..., `element` is a cothread_change, or NULL */
#define COTHREAD_ITEM_PROCESS 13 /* the end of a process or a thread: see Processes and threads */
#define COTHREAD_ITEM_JOB 14     /* a call of cothread_job_start has returned; the value is its
                                    result, the result its errno */
#define COTHREAD_ITEM_CONNECTION 15 /* COTHREAD_READABLE or COTHREAD_WRITABLE: cothread_connection_
                                    read, write or accept would not wait; the result also has
                                    COTHREAD_ERROR once it failed */

#define COTHREAD_ALL 1u /* take from every item that has something */
#define COTHREAD_ONE 2u /* report one item, whatever kinds there are */

/* cothread_item is one thing that a task waits for, and what became of it. */
typedef struct cothread_item {
    uint32_t kind;   /* COTHREAD_ITEM_... */
    uint32_t want;   /* descriptors, connections: the events; COTHREAD_ITEM_GROUP: how many; else
                        0 */
    int64_t object;  /* the handle; COTHREAD_ITEM_FD: the descriptor's number */
    void *element;   /* receive: room for an element; send: the element; file watch: a
                        cothread_change, or NULL; else not looked at */
    uint64_t tag;    /* the caller's own; neither read nor written */
    /* Written by a wait that returns more than 0: */
    uint64_t value;  /* as its kind says; errno if the result is COTHREAD_ESYSTEM; else 0 */
    int32_t result;  /* of an item that fired: what the single call returns, the events of a
                        descriptor, or an error that came while the task waited; else 0 */
    uint32_t fired;  /* 1: it fired; 0: it did not */
} cothread_item;

/* cothread_wait waits until one of several items fires, and reports all that did. All are checked
 * first, then looked at, then waited for, and looked at again when the task goes on.
 *   items      the items; read when the call begins, and written before it returns
 *   item_size  sizeof(cothread_item): structs grow
 *   count      items, 1 .. 65536. Of descriptors by number each costs a system call if the task
 *              suspends; many are better adopted
 *   deadline   absolute, in ns of cothread_now; COTHREAD_NOW looks once
 *   flags      0, COTHREAD_ALL or COTHREAD_ONE
 * Returns how many items fired, > 0. Or, with nothing taken and the items as they were, an error of
 * a single call for one of them, which cothread_last_error() names by its place, or
 *   COTHREAD_EINVAL   a number, kind or flag is out of range
 *   COTHREAD_ECLOSED  no more will come of a channel
 *   COTHREAD_EDEADLK  a task waits for its own end, for that of all members of its group, or for a
 *                     mutex that it holds
 * Example:
 *   cothread_item items[] = {
 *       {.kind = COTHREAD_ITEM_RECEIVE, .object = orders, .element = &order},
 *       {.kind = COTHREAD_ITEM_READY, .object = peer, .want = COTHREAD_READABLE},
 *       {.kind = COTHREAD_ITEM_TIMER, .object = heartbeat},
 *   };
 *   while (cothread_wait(items, sizeof *items, 3, COTHREAD_FOREVER, 0) > 0) {
 *       if (items[0].fired)
 *           serve(&order);
 *       ...
 *   }
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_wait(cothread_item *items, size_t item_size,
                                                size_t count, int64_t deadline, uint32_t flags);

/* ---- Callbacks from other threads ------------------------------------------------------------
 * A callback runs on the scheduler's thread, in a task, so it may do what a task may. Each
 * scheduler has one queue: bounded, and FIFO per calling thread. A callback starts after those its
 * thread posted before it; when one waits, the next may start before it has returned.
 * COTHREAD_ECANCELED ends a callback's waits during cothread_destroy. */

/* cothread_callback is the function of a callback. */
typedef void (*cothread_callback)(void *argument);

/* cothread_post queues callback(argument) for a scheduler. On a hosted scheduler the callback may
 * be NULL: the host gets `argument` as the token of a COTHREAD_POSTED entry in its next batch. An
 * accepted callback runs, even while cothread_destroy is under way; tokens that were not polled by
 * then are dropped. In a task of that scheduler a wait for room suspends the task, and the
 * callbacks run before its deadline is compared.
 *   scheduler  any living scheduler
 *   callback   not NULL unless the scheduler is hosted
 *   argument   any value; passed on
 *   deadline   absolute, in ns of cothread_now: until when to wait for room in a full queue;
 *              COTHREAD_NOW: do not wait
 * Returns 0, or
 *   COTHREAD_EFULL      the queue is full, and the deadline is COTHREAD_NOW; nothing was queued
 *   COTHREAD_ETIMEDOUT  the queue was still full at the deadline; nothing was queued
 *   COTHREAD_EDEADLK    the queue is full, and the caller is the scheduler's own stack, which would
 *                       have to empty it
 *   COTHREAD_EDEAD      the scheduler is being destroyed, is gone, or stopped by an internal fault
 * Plain with COTHREAD_NOW, and one write if the scheduler sleeps, else wait; from any thread,
 * signal (COTHREAD_NOW only). */
COTHREAD_API COTHREAD_CHECKED int cothread_post(cothread_handle scheduler,
                                                cothread_callback callback, void *argument,
                                                int64_t deadline);

/* cothread_mailbox_create makes a mailbox, in which the newest value wins: it has one pending value
 * at most, however fast values are posted. The callback runs with that value. On a hosted scheduler
 * it may be NULL: the host gets a COTHREAD_POSTED entry with `token` and the value. cothread_close
 * ends a mailbox and drops a pending value: if values must be freed, post a NULL before, when no
 * other thread posts any more, and free what it replaces.
 *   callback  not NULL unless the scheduler is hosted
 *   token     for the host; any value
 *   flags     0
 * Returns the mailbox's handle.
 * Plain; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_mailbox_create(cothread_callback callback,
                                                                      uint64_t token,
                                                                      uint32_t flags);

/* cothread_mailbox_post makes a value the pending one of a mailbox.
 *   mailbox   any living mailbox
 *   value     any value; passed to the callback
 *   replaced  receives the pending value that `value` took the place of, so that the caller can
 *             free it, and is left alone if there was none; NULL: not wanted
 * Returns 0 if the value was queued, 1 if it took the place of a pending one, or
 *   COTHREAD_EFULL    the queue is full; the value was not taken
 *   COTHREAD_EDEAD    the scheduler is being destroyed, is gone, or stopped by an internal fault
 *   COTHREAD_EHANDLE  the mailbox was closed
 * Plain, and one write if the scheduler sleeps; from any thread, signal. */
COTHREAD_API COTHREAD_CHECKED int cothread_mailbox_post(cothread_handle mailbox, void *value,
                                                        void **replaced);

/* ---- Processes and threads -------------------------------------------------------------------
 * Their end is waited for by cothread_wait, with an item of kind COTHREAD_ITEM_PROCESS. Its result
 * is 0 .. 255, what the program passed to exit; or COTHREAD_SIGNALLED + the number of the signal
 * that ended it. Its value is the status as of wait(2). Of a thread both are 0. COTHREAD_ESYSTEM,
 * and ECHILD as the value: it has ended, but its status is unknown. The end is a condition: it is
 * reported again and again until the handle is closed. Looking costs a system call until it has
 * been seen. Linux 5.11 or newer; threads: 6.9.
 *
 * cothread_close forgets a process: it runs on, and one that was started here is still waited for
 * when it ends, so that no zombie stays. A child that is left when its scheduler ends is the
 * program's: waitpid tells its status.
 *
 * No handler for SIGCHLD is installed, and no child but those started here is waited for. If
 * somebody else in the program takes the status of one of these first (waitpid(-1), SIGCHLD
 * ignored), Linux 6.15 and newer still tell it; else it is unknown. */

#define COTHREAD_SIGNALLED 256

#define COTHREAD_NEW_GROUP 1u   /* it leads a process group of its own, with its pid as number */
#define COTHREAD_NEW_SESSION 2u /* it leads a session of its own, without a terminal, and a group */

/* cothread_process_descriptor gives a descriptor of this process to a child, under a number of its
 * own. Both stand for one open file: they share its offset and its flags. */
typedef struct cothread_process_descriptor {
    int32_t child;  /* the number in the child, 0 or more */
    int32_t parent; /* an open descriptor of the caller; it is not changed */
} cothread_process_descriptor;

/* cothread_process_limit is a resource limit of a child, as of setrlimit. */
typedef struct cothread_process_limit {
    int32_t resource;  /* RLIMIT_NOFILE, ... */
    uint32_t reserved; /* 0 */
    uint64_t soft;     /* UINT64_MAX: none */
    uint64_t hard;
} cothread_process_limit;

/* cothread_process_options says what cothread_process_start starts. */
typedef struct cothread_process_options {
    uint32_t size;                  /* sizeof(cothread_process_options) */
    uint32_t flags;                 /* COTHREAD_NEW_GROUP, COTHREAD_NEW_SESSION */
    const char *const *arguments;   /* the program and its arguments; ends with NULL */
    const char *const *environment; /* "NAME=value" each; ends with NULL. NULL: the caller's */
    const char *directory;          /* where it starts; NULL: the caller's */
    const cothread_process_descriptor *descriptors; /* NULL only if there are none */
    const cothread_process_limit *limits;           /* NULL only if there are none */
    uint32_t descriptor_count;      /* 0 .. 1024 */
    uint32_t limit_count;           /* 0 .. 1024 */
} cothread_process_options;

/* cothread_process_start starts a program as a child of this process. The program is searched in
 * the caller's PATH unless its name contains a slash; relative names count from options.directory.
 * The child starts with no signal blocked and none ignored or caught. It has the caller's
 * descriptors 0, 1 and 2, unless these are close-on-exec, and those listed, in any permutation: no
 * other. The calling thread stands still until the program is loaded, as in posix_spawn.
 *   options  not NULL; read during the call only
 * Returns the process's handle, or
 *   COTHREAD_ESYSTEM  the program cannot be executed (ENOENT, EACCES, ENOEXEC, ...), or something
 *                     else in the options was refused: errno, and cothread_last_error() names it.
 *                     No child is left, and none was to be seen
 *   COTHREAD_EBADF    options.descriptors has a descriptor that is not open, or a number in the
 *                     child that its limit does not allow
 *   COTHREAD_ELIMIT   no process (RLIMIT_NPROC) or descriptor is left
 *   COTHREAD_EINVAL   there is no program, or two descriptors go to one number
 * Example:
 *   static const char *const words[] = {"sort", "-n", NULL};
 *   cothread_process_descriptor in_out[] = {{0, input}, {1, output}};
 *   cothread_process_options sort = {.size = sizeof sort, .arguments = words,
 *                                    .descriptors = in_out, .descriptor_count = 2};
 *   cothread_handle process = cothread_process_start(&sort);
 *   if (process < 0)
 *       fprintf(stderr, "%s\n", cothread_last_error());
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_process_start(
    const cothread_process_options *options);

/* cothread_process_open watches a process that was started by other means. Nothing is taken from
 * it: the status of a child of this process is told, and waitpid still gets it. Of a process that
 * is no child only the end is known: its result is COTHREAD_ESYSTEM.
 *   pid  of a process that runs, or was not waited for. Numbers are used again: that of a child
 *        that was waited for may be a stranger's
 * Returns the process's handle, or
 *   COTHREAD_ESYSTEM  there is no such process (ESRCH), or the number is a thread's
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_process_open(int32_t pid);

/* cothread_thread_open watches a thread of any process. Its handle is one of a process, and waited
 * for likewise. When it has ended pthread_join does not block, and is still the caller's to do.
 * Before Linux 6.9 a thread of its own that calls pthread_join and then cothread_post does it.
 *   tid  what gettid returns in that thread
 * Returns the handle, or
 *   COTHREAD_ESYSTEM  there is no such thread (ESRCH), or this kernel does not watch threads
 *                     (EINVAL)
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_thread_open(int32_t tid);

/* cothread_process_pid returns the number of a process or thread. It stays its own until its end
 * has been reported, and may be another's afterwards.
 *   process  a process or thread
 * Returns the number, > 0.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_process_pid(cothread_handle process);

#define COTHREAD_TO_GROUP 1u /* to each process of the group that it leads */

/* cothread_process_signal sends a signal to a process, a thread or a process group; never to
 * another one that got its number since.
 *   process  a process or thread
 *   number   SIGTERM, ...; 0: only finds out whether it could be sent
 *   flags    0, or COTHREAD_TO_GROUP: its group, also after its own end (before Linux 6.9 only
 *            until that is reported)
 * Returns 0, also if it has ended and that was not reported yet. Or
 *   COTHREAD_EINVAL   there is no such signal
 *   COTHREAD_ESYSTEM  it has ended, or leads no group (ESRCH), or the signal is not allowed (EPERM)
 * System call; from own stack, task. */
COTHREAD_API int cothread_process_signal(cothread_handle process, int number, uint32_t flags);
/* ---- Jobs: what may block --------------------------------------------------------------------
 * A job is one call of a C function on a thread of a pool, while other tasks run. A pool belongs to
 * a scheduler. Its threads are made when they are needed, up to its limit, and end when they had
 * nothing to do for ten seconds; what is stuck in one pool delays nothing in another. Every signal
 * is blocked in them but those of faults.
 *
 * A call that has begun cannot be stopped. So what happens at a deadline, or when the waiting task
 * is cancelled, depends on the memory that the function uses:
 *   it is the caller's                the wait goes on until the call returns, and says so: it
 *                                     returns 1, with the result
 *   it is the job's                   the wait ends, and nobody takes the result: `drop` gets it.
 *   (COTHREAD_OWNS_MEMORY)            Arguments of the types COTHREAD_TYPE_IN, OUT and IN_OUT are
 *                                     copies that belong to the job
 *   the call has not begun            the wait ends, and the function is never called */

#define COTHREAD_TYPE_VOID 0u    /* of a result: there is none */
#define COTHREAD_TYPE_INT 1u     /* an int, or a smaller or unsigned one. A result has 32 bits, and
                                    is extended as an int */
#define COTHREAD_TYPE_LONG 2u    /* 64 bits: long, size_t, int64_t, a handle */
#define COTHREAD_TYPE_POINTER 3u /* passed on as it is */
#define COTHREAD_TYPE_DOUBLE 4u  /* a double, not a float */
#define COTHREAD_TYPE_IN 5u      /* a pointer to a copy of `size` bytes, made when the job starts */
#define COTHREAD_TYPE_OUT 6u     /* a pointer to `size` zeroed bytes, copied to the caller when the
                                    result is */
#define COTHREAD_TYPE_IN_OUT 7u  /* both */

/* cothread_value is an argument or a result: the member that goes with its type. */
typedef union cothread_value {
    int64_t integer; /* INT, LONG */
    double number;   /* DOUBLE */
    void *pointer;   /* POINTER; IN, OUT, IN_OUT: where to copy from and to */
} cothread_value;

/* cothread_argument is one argument of a job. */
typedef struct cothread_argument {
    uint32_t type; /* COTHREAD_TYPE_... */
    uint32_t size; /* bytes to copy; 0 for a type that copies nothing */
    cothread_value value;
} cothread_argument;

#define COTHREAD_OWNS_MEMORY 1u /* the function uses no memory that the caller may give up or change
                                   before it returns */

/* cothread_job_function is any C function, cast to this. */
typedef void (*cothread_job_function)(void);

/* cothread_job_drop is called with a result that nobody takes (cothread_value.integer), to give
 * back what it stands for, such as a descriptor. */
typedef void (*cothread_job_drop)(int64_t result);

/* cothread_job is a call: what to call, and then what came of it. */
typedef struct cothread_job {
    uint32_t size;                /* sizeof(cothread_job) */
    uint32_t flags;               /* COTHREAD_OWNS_MEMORY */
    cothread_job_function function; /* variadic ones too; no struct by value */
    cothread_job_drop drop;       /* NULL: nothing is to be done. Called on a thread of the pool */
    const cothread_argument *arguments;
    uint32_t count;               /* of arguments: at most 8 doubles and 6 others */
    uint32_t type;                /* of the result */
    cothread_value result;        /* set by the library; 0 for VOID */
    int32_t error;                /* likewise: errno after the call; it was 0 before */
    uint32_t called;              /* likewise: 1: the function was called, or is being called still;
                                     0: it is not called */
} cothread_job;

/* cothread_pool_options says how cothread_pool_create makes a pool. A field that is 0 has its
 * default. */
typedef struct cothread_pool_options {
    uint32_t size;       /* sizeof(cothread_pool_options) */
    uint32_t threads;    /* at most; 0: 16. 1 .. 4096 */
    uint32_t bound;      /* jobs not begun; 0: 1024. 1 .. 1048576 */
    uint32_t stack_size; /* bytes of a thread's stack; 0: 1 MiB, of which what is used counts.
                            65536 .. 1 GiB */
} cothread_pool_options;

/* cothread_pool_create makes a pool of threads for jobs. It has no thread yet. cothread_close gives
 * it up at once: no job starts in it any more, those that did go on, and its threads end when
 * nothing is left to do.
 *   options  NULL: the defaults
 * Returns the pool's handle.
 * Plain; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_pool_create(
    const cothread_pool_options *options);

/* cothread_pool_stats holds counters since the pool's creation, and present values, all of one
 * instant. */
typedef struct cothread_pool_stats {
    uint32_t size;       /* sizeof(cothread_pool_stats), set by the caller; no more is written */
    uint32_t threads;    /* that live now */
    uint32_t idle;       /* of those, the ones without a job */
    uint32_t bound;
    uint64_t depth;      /* jobs not begun */
    uint64_t high_water; /* the greatest depth */
    uint64_t accepted;
    uint64_t refused;    /* answered COTHREAD_EFULL */
    uint64_t withdrawn;  /* given up before they began */
    uint64_t started;
    uint64_t ended;
    uint64_t wait[32];   /* times from start to begin: [i] counts those in [2^i, 2^(i+1)) ns */
} cothread_pool_stats;

/* cothread_pool_statistics fills in the statistics of a pool.
 *   pool   a pool; 0: the scheduler's default pool
 *   stats  with `size` set; receives the smaller of both sizes, and zeroes in the rest
 * Returns 0.
 * Plain (it takes a lock); from own stack, task. */
COTHREAD_API int cothread_pool_statistics(cothread_handle pool, cothread_pool_stats *stats);

/* cothread_offload calls a function on a thread of a pool, and waits until it has returned. While
 * the pool is full the task waits for room. The deadline, a cancel and cothread_interrupt end the
 * wait as the section's beginning says: on every negative result `called` tells whether the
 * function was called.
 *   pool      a pool; 0: the scheduler's default pool, of the default options
 *   job       what to call; receives the result, and where arguments are copied out, these
 *   deadline  absolute, in ns of cothread_now; with COTHREAD_NOW nothing is called
 * Returns 0, or 1: the wait was to end while a call with the caller's memory went on; it has
 * returned now. An interrupt ends the next wait then. Or
 *   COTHREAD_ELIMIT   the pool has no thread, and none can be made
 *   COTHREAD_ECLOSED  the pool was closed while the task waited for room
 * Example:
 *   cothread_argument argument = {COTHREAD_TYPE_LONG, 0, {0}};
 *   cothread_job job = {sizeof job};
 *   argument.value.integer = (int64_t)thread;
 *   job.function = (cothread_job_function)join_quietly;
 *   job.arguments = &argument;
 *   job.count = 1;
 *   if (cothread_offload(0, &job, COTHREAD_FOREVER) < 0)
 *       fprintf(stderr, "%s\n", cothread_last_error());
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_offload(cothread_handle pool, cothread_job *job,
                                                   int64_t deadline);

/* cothread_job_start starts a job and does not wait for its end: cothread_wait does, as for a
 * condition that holds until the job is closed (COTHREAD_ITEM_JOB), and cothread_job_result takes
 * its result. cothread_close ends the job: a call that has not begun is not made, the result of one
 * that owns its memory is dropped, and so is a result that was not taken; a call that uses the
 * caller's memory cannot be given up (COTHREAD_EBUSY).
 *   pool      a pool; 0: the scheduler's default pool
 *   job       what to call; copied. Nothing is written to it
 *   deadline  absolute, in ns of cothread_now: until when to wait for room in a full pool;
 *             COTHREAD_NOW: do not wait
 * Returns the job's handle, or
 *   COTHREAD_EFULL      the pool is full, and the deadline is COTHREAD_NOW
 *   COTHREAD_ETIMEDOUT  the pool was still full at the deadline
 *   COTHREAD_ELIMIT     the pool has no thread, and none can be made
 *   COTHREAD_ECLOSED    the pool was closed while the task waited for room
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_job_start(cothread_handle pool,
                                                                 const cothread_job *job,
                                                                 int64_t deadline);

/* cothread_job_result takes the result of a job that has finished: it is not dropped then. It is
 * there until the job is closed.
 *   finished  a job
 *   job       with arguments of the same types and sizes as when it was started: receives the
 *             result, and where arguments are copied out, these
 * Returns 0, or
 *   COTHREAD_EBUSY   the job has not finished
 *   COTHREAD_EINVAL  the arguments differ from those it was started with
 * Plain; from own stack, task. */
COTHREAD_API int cothread_job_result(cothread_handle finished, cothread_job *job);

/* ---- Names and files -------------------------------------------------------------------------
 * These are jobs that own their memory, in pools that the scheduler has for itself: one for names,
 * and its default pool for files. A wait may end before its call has: what a write had begun may
 * still be written, and a descriptor that is opened too late is closed again. Reading and writing
 * go by a duplicate of the descriptor, so the caller's may be closed at any time; as with any
 * duplicate, its end releases the record locks (F_SETLK) that the process has on the file. */

/* cothread_hints says which addresses are wanted. A field that is 0 leaves the choice open. */
typedef struct cothread_hints {
    uint32_t size;    /* sizeof(cothread_hints) */
    int32_t family;   /* AF_INET, AF_INET6 */
    int32_t type;     /* SOCK_STREAM, SOCK_DGRAM; 0: SOCK_STREAM */
    int32_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
    int32_t lookup;   /* AI_PASSIVE, AI_NUMERICHOST, ... */
} cothread_hints;

/* cothread_address is what socket, connect and bind take. */
typedef struct cothread_address {
    int32_t family;
    int32_t type;
    int32_t protocol;
    uint32_t length;      /* of the socket address, in bytes */
    uint64_t address[16]; /* a struct sockaddr_in, sockaddr_in6, ... */
} cothread_address;

/* cothread_resolve finds the addresses of a host and a service, by getaddrinfo and so by whatever
 * the system is set up with, in the order in which they are to be tried.
 *   name       a host's name or address; NULL: this host, or with AI_PASSIVE any
 *   service    a service's name or a port's number; NULL: port 0. Not both are NULL
 *   hints      NULL: a stream, of any family
 *   addresses  receives them
 *   count      how many there is room for, 1 .. 1024
 *   deadline   absolute, in ns of cothread_now
 * Returns how many addresses there are, which may be more than `count`: those are left out. Or
 *   COTHREAD_ENAME    the name or service does not exist, or has no address as wanted
 *   COTHREAD_EINVAL   the hints are none that the system knows
 *   COTHREAD_ESYSTEM  no name server answers (errno is EAGAIN), or a system call failed
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_resolve(const char *name, const char *service,
                                                   const cothread_hints *hints,
                                                   cothread_address *addresses, size_t count,
                                                   int64_t deadline);

/* cothread_file_open opens a file. Its descriptor, close-on-exec, is the caller's, and an ordinary
 * one.
 *   path      of 4095 bytes at most
 *   flags     those of open(2): O_RDONLY, O_CREAT, ...
 *   mode      of a file that is created
 *   deadline  absolute, in ns of cothread_now
 * Returns the descriptor, or
 *   COTHREAD_ELIMIT   no descriptor is left
 *   COTHREAD_ESYSTEM  the system refuses; errno says why
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_file_open(const char *path, int flags, uint32_t mode,
                                                     int64_t deadline);

/* cothread_file_read reads from an offset of a file; its position stays.
 *   fd        a descriptor that pread(2) takes
 *   buffer    receives the bytes, when the call has returned in time
 *   size      bytes, 1 .. 1 GiB
 *   offset    bytes from the file's beginning
 *   deadline  absolute, in ns of cothread_now
 * Returns the number of bytes, 1 or more; 0 at the end of the file. Or
 *   COTHREAD_EBADF    the descriptor is not open, or not for reading
 *   COTHREAD_ELIMIT   no descriptor is left: the call works on a duplicate
 *   COTHREAD_ESYSTEM  the system refuses; errno says why
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int64_t cothread_file_read(int fd, void *buffer, size_t size,
                                                         int64_t offset, int64_t deadline);

/* cothread_file_write writes at an offset of a file; its position stays. After a wait that ended
 * early it is unspecified how much was written, and more of it may be written yet.
 *   fd        a descriptor that pwrite(2) takes
 *   data      copied before the call begins
 *   size      bytes, 1 .. 1 GiB
 *   offset    bytes from the file's beginning
 *   deadline  absolute, in ns of cothread_now
 * Returns the number of bytes written; fewer than `size` if the rest failed: the next call says
 * why. Or
 *   COTHREAD_EBADF    the descriptor is not open, or not for writing
 *   COTHREAD_ELIMIT   no descriptor is left: the call works on a duplicate
 *   COTHREAD_ESYSTEM  the system refuses; errno says why
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int64_t cothread_file_write(int fd, const void *data, size_t size,
                                                          int64_t offset, int64_t deadline);

/* cothread_file_sync waits until what was written to a file is on its device, by fsync(2).
 *   fd        an open file
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_EBADF    the descriptor is not open
 *   COTHREAD_ELIMIT   no descriptor is left: the call works on a duplicate
 *   COTHREAD_ESYSTEM  the system refuses, or what was written before is lost; errno says why
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_file_sync(int fd, int64_t deadline);

/* cothread_file_status is what stat(2) says of a file. */
typedef struct cothread_file_status {
    uint32_t mode;  /* type and permissions: st_mode */
    uint32_t links;
    uint32_t user;
    uint32_t group;
    uint64_t device;
    uint64_t inode;
    int64_t bytes;
    int64_t allocated;  /* bytes on the device */
    int64_t read_ns;    /* wall-clock times, in ns since 1970 */
    int64_t written_ns;
    int64_t changed_ns; /* of the status */
} cothread_file_status;

/* cothread_file_stat looks up what a path leads to.
 *   path      of 4095 bytes at most
 *   status    receives it
 *   deadline  absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_ESYSTEM  the system refuses; errno says why: ENOENT, there is no such file
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_file_stat(const char *path,
                                                     cothread_file_status *status,
                                                     int64_t deadline);

/* ---- Connections -----------------------------------------------------------------------------
 * A connection is a socket, pipe or terminal of which the library knows the state. Every operation
 * tries first, and takes a report of readiness, EAGAIN, EINTR and a peer that left the backlog as
 * reasons to try again. One task reads from a connection at a time and one writes to it; others
 * come in FIFO order, so what one call writes is never torn. Reading goes on while a write is
 * stuck.
 *
 * Output is not buffered: what a call says it wrote has been accepted by the system. Input is
 * buffered only behind a delimiter (cothread_connection_read_until), in a buffer that is never
 * larger than the largest bound that was asked for, rounded up to a power of two of at least 4096.
 * In one tick the tasks of a connection do 16 operations and move 256 KiB; then the others run.
 *
 * STATES. An operation that does not fit the state answers COTHREAD_ESTATE, and the sentence names
 * both; docs/connections.md has the table. Each state has a limit, the time that a connection may
 * be in it. When that has passed, the connection fails: the operation that waits, or else the next
 * one, answers COTHREAD_ETIMEDOUT. No state has a limit but COTHREAD_STATE_CLOSING: 2 s. An error
 * of the system makes the connection fail too; what had arrived before can still be read. */

#define COTHREAD_STATE_RESOLVING 1    /* its name is being looked up */
#define COTHREAD_STATE_CONNECTING 2
#define COTHREAD_STATE_OPEN 3
#define COTHREAD_STATE_INPUT_ENDED 4  /* the peer has sent its last */
#define COTHREAD_STATE_OUTPUT_ENDED 5 /* cothread_connection_finish */
#define COTHREAD_STATE_CLOSING 6      /* both, or cothread_connection_close is under way */
#define COTHREAD_STATE_CLOSED 7       /* its handle is stale: only an observer is told */
#define COTHREAD_STATE_FAILED 8
#define COTHREAD_STATE_LISTENING 9

/* cothread_observer is called at each change of a connection's state, before any other task runs.
 * It must not wait. Neither may it end the connection, nor poll, run or destroy the scheduler:
 * COTHREAD_EBUSY.
 *   connection  its handle, stale after COTHREAD_STATE_CLOSED
 *   from, to    states; `from` is 0 when it begins
 *   argument    as given */
typedef void (*cothread_observer)(cothread_handle connection, int from, int to, void *argument);

#define COTHREAD_DATAGRAM 1u /* a datagram socket, not a stream */

/* cothread_connection_options says how a connection is made. A field that is 0 has its default. */
typedef struct cothread_connection_options {
    uint32_t size;     /* sizeof(cothread_connection_options) */
    uint32_t flags;    /* COTHREAD_DATAGRAM */
    int32_t family;    /* AF_INET or AF_INET6; 0: both */
    int32_t backlog;   /* connections that may wait to be accepted; 0: what the system allows */
    cothread_observer observer; /* NULL: none */
    void *argument;    /* the observer's */
    int64_t limits[10]; /* ns of each state, by its number; 0: its default; COTHREAD_FOREVER: none
                           */
} cothread_connection_options;

/* cothread_address_text writes an address as people do: "192.0.2.1:80", "[2001:db8::1]:80",
 * "/run/socket", "@abstract".
 *   address  of a family that it knows
 *   text     receives it, cut to size - 1 bytes, and always a 0 behind it
 *   size     bytes, 1 or more; 128 hold every address
 * Returns the length of the text before it was cut, or
 *   COTHREAD_EINVAL  the address is none of AF_INET, AF_INET6 and AF_UNIX
 * Plain; from any thread. */
COTHREAD_API int cothread_address_text(const cothread_address *address, char *text, size_t size);

/* cothread_connect connects to a host by name or number. The addresses race (RFC 8305): one of each
 * family in turn, the next as soon as one fails, or 250 ms after it began. The first that answers
 * is taken. A socket of TCP sends at once (TCP_NODELAY).
 *   host      a name, or a number such as "192.0.2.1" or "2001:db8::1"
 *   service   a port's number, or a service's name
 *   options   NULL: the defaults
 *   deadline  absolute, in ns of cothread_now
 * Returns the connection's handle, in state COTHREAD_STATE_OPEN. Or
 *   COTHREAD_ENAME    the host or the service is not known, as cothread_resolve
 *   COTHREAD_ECLOSED  the connection was closed meanwhile, which an observer told of
 *   COTHREAD_ESYSTEM  no address answers; errno says how the last one refused (ECONNREFUSED)
 * Example:
 *   cothread_handle peer = cothread_connect("localhost", "7000", NULL, deadline);
 *   if (peer > 0 && cothread_connection_write(peer, "hello\n", 6, NULL, deadline) == 0)
 *       n = cothread_connection_read_until(peer, "\n", 1, line, sizeof line, deadline);
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_connect(
    const char *host, const char *service, const cothread_connection_options *options,
    int64_t deadline);

/* cothread_connect_addresses connects to the first of some addresses that answers, as
 * cothread_connect does once it knows them.
 *   addresses  in the order in which they are to be tried
 *   count      addresses, 1 .. 1024
 *   options    NULL: the defaults
 *   deadline   absolute, in ns of cothread_now
 * Returns the connection's handle, or
 *   COTHREAD_ECLOSED  the connection was closed meanwhile
 *   COTHREAD_ESYSTEM  no address answers; errno says how the last one refused
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_connect_addresses(
    const cothread_address *addresses, size_t count, const cothread_connection_options *options,
    int64_t deadline);

/* cothread_connect_unix connects to a Unix socket. While its backlog is full it tries again.
 *   path      of 107 bytes at most; one that begins with '@' is an abstract name
 *   options   NULL: the defaults
 *   deadline  absolute, in ns of cothread_now
 * Returns the connection's handle, or
 *   COTHREAD_ECLOSED  the connection was closed meanwhile
 *   COTHREAD_ESYSTEM  nobody listens there; errno says how it was refused
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_connect_unix(
    const char *path, const cothread_connection_options *options, int64_t deadline);

/* cothread_listen makes a socket that listens, or with COTHREAD_DATAGRAM one that receives. It is a
 * connection too, in state COTHREAD_STATE_LISTENING (COTHREAD_STATE_OPEN with COTHREAD_DATAGRAM).
 * The port can be taken again at once after it is closed (SO_REUSEADDR).
 *   host     a number such as "127.0.0.1" or "::1"; NULL: all addresses, of both families
 *   service  a port's number; "0": any that is free, which cothread_connection_address tells
 *   options  NULL: the defaults. The connections that are accepted have its observer and limits
 * Returns the listener's handle, or
 *   COTHREAD_ENAME    the host or the service is no number
 *   COTHREAD_ESYSTEM  the system refuses; errno says how (EADDRINUSE)
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_listen(
    const char *host, const char *service, const cothread_connection_options *options);

/* cothread_listen_unix makes a Unix socket that listens, or receives. The file of a dead socket,
 * which no process has any more, is replaced: a program that was killed can be started again. Of
 * two that start at one moment the later may so replace the other's. Closing the listener removes
 * the file, unless another process has the socket too.
 *   path     of 107 bytes at most; one that begins with '@' is an abstract name
 *   options  NULL: the defaults
 * Returns the listener's handle, or
 *   COTHREAD_ESYSTEM  the system refuses; errno says how (EADDRINUSE: somebody has it, or
 *                     the file is no socket)
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_listen_unix(
    const char *path, const cothread_connection_options *options);

/* cothread_connection_accept waits for a connection on a listener, and accepts it.
 *   listener  of cothread_listen or cothread_listen_unix
 *   deadline  absolute, in ns of cothread_now
 * Returns the connection's handle, or
 *   COTHREAD_ECLOSED  the listener was closed
 *   COTHREAD_ELIMIT   no descriptor is left; the connection stays in the backlog. Told after 10 ms,
 *                     unless the deadline is COTHREAD_NOW, so that a loop does not spin
 *   COTHREAD_ESYSTEM  accept failed; errno says how
 * Wait, and a system call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_connection_accept(cothread_handle listener,
                                                                         int64_t deadline);

/* cothread_connection_adopt makes a connection of a descriptor. Its state follows from the
 * descriptor: a pipe's reading end begins with its output ended.
 *   fd       what cothread_adopt takes; a stream socket is connected or listens
 *   data     what was read from it already, and comes first; NULL: nothing
 *   size     bytes, 0 .. 16777216
 *   options  NULL: the defaults
 * Returns the connection's handle, or
 *   COTHREAD_EBADF   the descriptor is not open
 *   COTHREAD_EINVAL  it is a file or a directory, or a stream socket that is not connected
 *   COTHREAD_EEXIST  it is adopted already
 *   COTHREAD_EBUSY   tasks wait for it by number
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_connection_adopt(
    int fd, const void *data, size_t size, const cothread_connection_options *options);

/* cothread_connection_release gives the descriptor of a connection back, open, with what was read
 * from it and not taken. Every task that uses the connection gets COTHREAD_ECLOSED, and its handle
 * is stale. A socket that the library made is non-blocking.
 *   connection  any connection that has a descriptor
 *   buffer      receives what is buffered; NULL only if size is 0
 *   size        bytes
 *   buffered    receives how many bytes are buffered, also with COTHREAD_EFULL
 * Returns the descriptor's number, or
 *   COTHREAD_EFULL  more is buffered than there is room for; the connection stays as it is
 *   COTHREAD_EBUSY  it is being closed, or its observer is being called
 * System call; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_connection_release(cothread_handle connection,
                                                              void *buffer, size_t size,
                                                              size_t *buffered);

/* cothread_connection_read reads as soon as there is anything.
 *   connection  a stream
 *   buffer      room for `size` bytes
 *   size        bytes, 1 .. SSIZE_MAX
 *   deadline    absolute, in ns of cothread_now
 * Returns the number of bytes, at most `size`; 0: the peer has sent its last. Or
 *   COTHREAD_ECLOSED  the connection was closed or released
 *   COTHREAD_ESYSTEM  it failed; errno says how
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int64_t cothread_connection_read(cothread_handle connection,
                                                               void *buffer, size_t size,
                                                               int64_t deadline);

/* cothread_connection_read_exactly reads so many bytes and no less.
 *   connection  a stream
 *   buffer      room for `size` bytes
 *   size        bytes, 1 .. SSIZE_MAX
 *   got         receives how many bytes are in `buffer`, whatever the call returns; NULL: not
 *               wanted
 *   deadline    absolute, in ns of cothread_now
 * Returns 0: all of them. Or
 *   COTHREAD_ECLOSED  the peer has sent its last, or the connection was closed or released
 *   COTHREAD_ESYSTEM  it failed; errno says how
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_connection_read_exactly(cothread_handle connection,
                                                                   void *buffer, size_t size,
                                                                   size_t *got, int64_t deadline);

/* cothread_connection_read_until reads up to a delimiter, which is read too. It takes all of that
 * or nothing: after an error the bytes are still there to be read.
 *   connection      a stream
 *   delimiter       the bytes to look for
 *   delimiter_size  bytes, 1 .. 64
 *   buffer          room for `size` bytes
 *   size            the bound: bytes, delimiter included, delimiter_size .. 16777216
 *   deadline        absolute, in ns of cothread_now
 * Returns the number of bytes, delimiter included. Or
 *   COTHREAD_EFULL    there is no delimiter among the first `size` bytes
 *   COTHREAD_ECLOSED  the peer has sent its last without one, or the connection was closed
 *   COTHREAD_ESYSTEM  it failed; errno says how
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int64_t cothread_connection_read_until(
    cothread_handle connection, const void *delimiter, size_t delimiter_size, void *buffer,
    size_t size, int64_t deadline);

/* cothread_connection_write writes all of some bytes. No SIGPIPE is raised.
 *   connection  a stream
 *   data        `size` bytes
 *   size        bytes, 1 .. SSIZE_MAX
 *   written     receives how many bytes the system has accepted, whatever the call returns; NULL:
 *               not wanted
 *   deadline    absolute, in ns of cothread_now
 * Returns 0: all of them. Or
 *   COTHREAD_ECLOSED  the connection was closed or released
 *   COTHREAD_ESYSTEM  it failed; errno says how (EPIPE: the peer is gone)
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_connection_write(cothread_handle connection,
                                                            const void *data, size_t size,
                                                            size_t *written, int64_t deadline);

/* cothread_span is a piece of memory. */
typedef struct cothread_span {
    const void *data;
    size_t size;
} cothread_span;

/* cothread_connection_writev writes several pieces of memory, one behind the other.
 *   connection  a stream
 *   spans       the pieces; of 0 bytes: skipped. They are not changed
 *   count       pieces, 1 .. 1024, of SSIZE_MAX bytes in all
 *   written     receives how many bytes the system has accepted; NULL: not wanted
 *   deadline    absolute, in ns of cothread_now
 * Returns 0: all of them. Or
 *   COTHREAD_ECLOSED  the connection was closed or released
 *   COTHREAD_ESYSTEM  it failed; errno says how
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_connection_writev(cothread_handle connection,
                                                             const cothread_span *spans,
                                                             size_t count, size_t *written,
                                                             int64_t deadline);

/* cothread_connection_sendfile writes part of a file. It blocks where reading the file does.
 *   connection  a stream
 *   fd          a file that pread(2) takes; its position stays
 *   offset      bytes from the file's beginning
 *   size        bytes, 1 .. SSIZE_MAX
 *   written     receives how many bytes the system has accepted; NULL: not wanted
 *   deadline    absolute, in ns of cothread_now
 * Returns 0: all of them. Or
 *   COTHREAD_EINVAL   the file ends before
 *   COTHREAD_EBADF    `fd` is not open for reading
 *   COTHREAD_ECLOSED  the connection was closed or released
 *   COTHREAD_ESYSTEM  it failed, or reading the file; errno says how
 * Wait, and system calls; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_connection_sendfile(cothread_handle connection, int fd,
                                                               int64_t offset, size_t size,
                                                               size_t *written, int64_t deadline);

/* cothread_connection_finish says that no more will be written, once the writes before it are done.
 * What the peer still sends can be read. Of what has no halves nothing is shut: a terminal, or a
 * pipe, whose end the peer sees when it is closed.
 *   connection  a stream
 *   deadline    absolute, in ns of cothread_now
 * Returns 0, or
 *   COTHREAD_ECLOSED  the connection was closed or released
 *   COTHREAD_ESYSTEM  it failed; errno says how
 * Wait; from own stack, task. */
COTHREAD_API int cothread_connection_finish(cothread_handle connection, int64_t deadline);

/* cothread_connection_close closes a connection, so that what was written arrives: it ends the
 * output, then reads and drops what the peer still sends, until its end, the deadline, or the limit
 * of COTHREAD_STATE_CLOSING. Unread input would turn a close into a reset. Whatever the wait ends
 * with, a cancel too, the connection is closed then. Other tasks that use it get COTHREAD_ECLOSED.
 * cothread_close does the same without the wait.
 *   connection  any connection, a listener too
 *   deadline    absolute, in ns of cothread_now; COTHREAD_NOW does not wait
 * Returns how many bytes the peer's system has not acknowledged, as
 * cothread_connection_unacknowledged does; 0 if that is not known. Or
 *   COTHREAD_EBUSY    another task closes it, or its observer is being called
 *   COTHREAD_ECLOSED  cothread_close was called meanwhile
 * Wait; from own stack, task. */
COTHREAD_API int64_t cothread_connection_close(cothread_handle connection, int64_t deadline);

/* cothread_message is what is sent or received with an address, or with descriptors. */
typedef struct cothread_message {
    uint32_t size;             /* sizeof(cothread_message) */
    uint32_t descriptor_count; /* send: how many, 0 .. 253; receive: how many there is room for */
    void *data;
    size_t length;             /* bytes; of a stream 1 or more */
    int32_t *descriptors;      /* they are duplicated; those received are close-on-exec */
    cothread_address *address; /* of a datagram: send: to whom, receive: from whom; NULL: to the
                                  peer, not wanted */
} cothread_message;

/* cothread_connection_send sends one datagram, or bytes of a stream, with descriptors if wanted
 * (Unix sockets). Descriptors go with the first byte.
 *   connection  a datagram socket, or a stream socket
 *   message     is not changed
 *   written     receives how many bytes the system has accepted; NULL: not wanted
 *   deadline    absolute, in ns of cothread_now
 * Returns 0: all of them. Or
 *   COTHREAD_ECLOSED  the connection was closed or released
 *   COTHREAD_ESYSTEM  it was refused; errno says how (EMSGSIZE, ECONNREFUSED). A datagram socket
 *                     does not fail by that
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int cothread_connection_send(cothread_handle connection,
                                                           const cothread_message *message,
                                                           size_t *written, int64_t deadline);

/* cothread_connection_receive receives one datagram, or what there is of a stream, with its address
 * and the descriptors that came with it. Descriptors are lost if their bytes are read in another
 * way, and those for which this process has no number left (RLIMIT_NOFILE).
 *   connection  a datagram socket, or a stream socket
 *   message     says how much room there is. Receives the bytes, the address, the descriptors, and
 *               in descriptor_count how many came: those without room are closed
 *   deadline    absolute, in ns of cothread_now
 * Returns the number of bytes; of a datagram its length, which may be more than there was room for:
 * the rest is dropped. 0: an empty datagram, or the end of a stream. Or
 *   COTHREAD_ECLOSED  the connection was closed or released
 *   COTHREAD_ESYSTEM  it failed; errno says how
 * Wait; from own stack, task. */
COTHREAD_API COTHREAD_CHECKED int64_t cothread_connection_receive(cothread_handle connection,
                                                                  cothread_message *message,
                                                                  int64_t deadline);

/* cothread_connection_unacknowledged tells how much of what was written has not arrived.
 *   connection  any connection that has a descriptor
 * Returns bytes: of TCP those that the peer's system has not acknowledged, of a pipe those that are
 * not read, of a terminal those that are not sent. Of a Unix socket it is the memory that they
 * take, of a datagram socket those that have not left this system. Or
 *   COTHREAD_ESYSTEM  the system does not tell
 * System call; from own stack, task. */
COTHREAD_API int64_t cothread_connection_unacknowledged(cothread_handle connection);

/* cothread_connection_state returns the state of a connection.
 *   connection  any connection
 * Returns COTHREAD_STATE_...
 * Plain; from own stack, task. */
COTHREAD_API int cothread_connection_state(cothread_handle connection);

/* cothread_connection_limit sets how long a connection may be in a state. If it is in that state,
 * the time counts from now, also for tasks that wait already.
 *   connection  any connection
 *   state       COTHREAD_STATE_..., but not COTHREAD_STATE_CLOSED or COTHREAD_STATE_FAILED
 *   ns          nanoseconds, 1 or more; 0: the default; COTHREAD_FOREVER: no limit
 * Returns 0.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_connection_limit(cothread_handle connection, int state, int64_t ns);

/* cothread_connection_observe has a function called at each change of a connection's state, in
 * place of the one before.
 *   connection  any connection
 *   observer    NULL: none
 *   argument    any value; passed on
 * Returns 0.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_connection_observe(cothread_handle connection,
                                             cothread_observer observer, void *argument);

/* cothread_connection_descriptor returns the descriptor of a connection, for setsockopt and the
 * like: reading and writing are the connection's.
 *   connection  any connection that has one
 * Returns its number.
 * Plain; from own stack, task. */
COTHREAD_API int cothread_connection_descriptor(cothread_handle connection);

#define COTHREAD_LOCAL 0u
#define COTHREAD_PEER 1u

/* cothread_connection_address stores the address of one end of a connection.
 *   connection  a socket
 *   end         COTHREAD_LOCAL or COTHREAD_PEER
 *   address     receives it
 * Returns 0, or
 *   COTHREAD_ESYSTEM  there is none; errno says why (ENOTCONN, ENOTSOCK)
 * System call; from own stack, task. */
COTHREAD_API int cothread_connection_address(cothread_handle connection, uint32_t end,
                                             cothread_address *address);

/* ---- Embedding: a loop that is not ours ------------------------------------------------------
 * The calls of this section and the next belong on the thread's own stack: inside a task, a
 * callback, a tick or an observer of connections they answer COTHREAD_EBUSY. */

/* cothread_poll_scheduler takes the requests in the ring, runs ticks until host tasks are ready,
 * the deadline passes, or a signal or cothread_interrupt ends it, and puts the batch into the ring.
 *   deadline  absolute, in ns of cothread_now; COTHREAD_NOW runs one tick and does not block
 * Returns the number of entries in the batch; 0 is usual. Or
 *   COTHREAD_EBUSY    called inside a task, a callback, a tick or an observer
 *   COTHREAD_EHOSTED  the scheduler is self-driven
 * Wait; from own stack. */
COTHREAD_API int cothread_poll_scheduler(int64_t deadline);

/* cothread_poll_fd returns a descriptor for the host's loop, readable whenever
 * cothread_poll_scheduler(COTHREAD_NOW) has something to do. It belongs to the library. Whatever
 * changes between two polls (a wake from the host's code, a post, a nearer deadline) makes it
 * readable by itself; only requests that are still in the ring do not count: cothread_submit them.
 * Returns the descriptor's number, the same each time, or
 *   COTHREAD_EBUSY    called inside a task, a callback, a tick or an observer
 *   COTHREAD_EHOSTED  the scheduler is self-driven, or has COTHREAD_HOST_POLLS
 *   COTHREAD_ELIMIT   no descriptor is left for its timer
 * System call; from own stack. */
COTHREAD_API int cothread_poll_fd(void);

/* cothread_next_deadline stores when cothread_poll_scheduler next has something to do if no
 * descriptor becomes ready. With cothread_poll_fd it is only an optimisation.
 *   deadline  receives an absolute time in ns; COTHREAD_NOW: at once; COTHREAD_FOREVER: never
 * Returns 0, or
 *   COTHREAD_EBUSY    called inside a task, a callback, a tick or an observer
 *   COTHREAD_EHOSTED  the scheduler is self-driven
 * Plain; from own stack. */
COTHREAD_API int cothread_next_deadline(int64_t *deadline);

/* cothread_pollfd is an entry of the list that a host polls (COTHREAD_HOST_POLLS). */
typedef struct cothread_pollfd {
    int32_t fd;
    uint16_t events;  /* 0: only errors and hangups, which poll(2) reports unasked */
    uint16_t revents;
} cothread_pollfd;

/* cothread_poll_list stores which descriptors a host that can only poll lists has to wait for. The
 * first is the library's own and becomes readable when the list changes, a task was woken or a
 * callback posted. Ask again before each wait.
 *   list      receives up to `capacity` entries; NULL only if that is 0
 *   capacity  entries, 0 or more
 * Returns how many entries there are in all; if more than `capacity`, call again with more room. Or
 *   COTHREAD_EBUSY    called inside a task, a callback, a tick or an observer
 *   COTHREAD_EHOSTED  the scheduler was created without COTHREAD_HOST_POLLS
 * Plain; from own stack. */
COTHREAD_API int cothread_poll_list(cothread_pollfd *list, int capacity);

/* cothread_poll_deliver hands back what the host's poll found; call cothread_poll_scheduler next.
 *   list   entries with their `revents`. Those with revents 0 are skipped, descriptors that no task
 *          waits for any more are ignored
 *   count  entries, 0 or more
 * Returns 0, or
 *   COTHREAD_EBUSY    called inside a task, a callback, a tick or an observer
 *   COTHREAD_EHOSTED  the scheduler was created without COTHREAD_HOST_POLLS
 * Plain; from own stack. */
COTHREAD_API int cothread_poll_deliver(const cothread_pollfd *list, int count);

/* ---- Host tasks ------------------------------------------------------------------------------
 * Host tasks are continuations that the host owns: greenlets, fibers, generators. The library keeps
 * what they wait for and says when they are ready; the host switches. Requests and batch are arrays
 * in memory that both sides see, so that one call serves a batch.
 *
 * The host writes requests[request_count++]; cothread_poll_scheduler and cothread_submit take them
 * in order and set request_count to 0. The batch is ready[0 .. ready_count), valid until the next
 * poll. A host steps through both arrays by ring.request_size and ring.ready_size, which may be
 * larger than the structs it was built with; bytes of a request that it does not know are 0.
 *
 * A request that cannot be served ends at once: its task is in the next batch with the error as
 * reason. A request whose `task` is no host task is ignored. A deadline of COTHREAD_NOW is never
 * delayed.
 *
 * A second request of a task that waits replaces the first, unless the wait was handed something
 * meanwhile (a unit, an element, a value, a result, a mutex, a connection): such a wait can be
 * neither replaced nor withdrawn. The later request is ignored, and the entry stays in the batch.
 * COTHREAD_FINISH alone is never ignored: the task has ended, and what its wait was handed is
 * dropped with it; a mutex goes to the next waiter, a connection is closed. A wait of
 * COTHREAD_WAIT_ITEMS counts as handed once one that takes has taken, or its first entry was in a
 * batch. A wait that was only served readiness or its deadline is replaced and withdrawn as one
 * that still waits.
 *
 * The element of COTHREAD_WAIT_SEND is copied when the request is taken. The element of
 * COTHREAD_WAIT_RECEIVE is written while cothread_poll_scheduler builds the batch that holds the
 * entry: its memory stays valid until then. */

#define COTHREAD_WAIT 1         /* until `deadline`; with fd >= 0 also for the events in `object` */
#define COTHREAD_WITHDRAW 2     /* the host resumes the task itself: its wait, if it has one, is
                                   forgotten and never in a batch */
#define COTHREAD_FINISH 3       /* the task ended: those that join it get `value`, and its handle is
                                   released */
#define COTHREAD_WAIT_EVENT 4   /* cothread_event_wait on `object`; the batch has the value */
#define COTHREAD_WAIT_SEND 5    /* cothread_channel_send of the element at address `value` */
#define COTHREAD_WAIT_RECEIVE 6 /* cothread_channel_receive to address `value` */
#define COTHREAD_WAIT_LOCK 7    /* cothread_mutex_lock; the batch has 1 as value if the previous
                                   owner ended while it held the mutex */
#define COTHREAD_WAIT_ACQUIRE 8 /* cothread_semaphore_acquire */
#define COTHREAD_WAIT_JOIN 9    /* cothread_join; the batch has the result as value */
#define COTHREAD_UNLOCK 10      /* cothread_mutex_unlock; in the batch only if it fails */
#define COTHREAD_WAIT_ITEMS 11  /* cothread_wait for the `fd` items at address `value`; `object` is
                                   item_size | (int64_t)flags << 32. The items, and elements to
                                   send, are copied when the request is taken. The batch has an
                                   entry for each that fired */
#define COTHREAD_CONNECT 17     /* cothread_connect to the host at address `object` and the service
                                   at address `value`; if that is 0, cothread_connect_unix to the
                                   path at `object`. The texts are copied when the request is taken.
                                   The batch has the handle of an adopted descriptor as value; if it
                                   fails, errno as `events`, or 0 if the system did not refuse it. A
                                   task of the library's connects, unless the deadline is
                                   COTHREAD_NOW: it counts in the statistics. Once the request is
                                   withdrawn it closes what it made, and ends */

/* cothread_request is what the host writes for a host task that waits, unlocks or ends. */
typedef struct cothread_request {
    cothread_handle task;   /* a host task */
    int32_t operation;      /* COTHREAD_WAIT .. */
    int32_t fd;             /* COTHREAD_WAIT: a descriptor, or -1; COTHREAD_WAIT_ITEMS: items */
    int64_t deadline;       /* every wait: absolute, ns */
    cothread_handle object; /* the other waits: what is waited on; COTHREAD_WAIT with fd >= 0: the
                               events; COTHREAD_CONNECT: the host's address */
    int64_t value;          /* COTHREAD_FINISH: the result; send, receive: the element's address;
                               COTHREAD_WAIT_ITEMS: the items' address; COTHREAD_CONNECT: the
                               service's */
} cothread_request;

/* The next are about descriptors, not tasks: a host that pays for each foreign call lets the
 * library read and write its adopted descriptors, and finds what came in the batch. `task` is the
 * handle of the adopted descriptor, `object` the token of its entries. Reading and writing go on
 * side by side. A request that is refused has an entry with the error in the next batch.
 *
 * A write is tried when the request is taken. If the system takes all of it, there is no entry.
 * Else the rest is copied, and COTHREAD_WRITTEN says how many bytes are unsent: write no more until
 * it says 0. Of one descriptor 4 MiB may be unsent; a write beyond that is refused with
 * COTHREAD_EFULL. What is read lies in ring.input. It is read while the batch is built, at most 64
 * KiB of one descriptor; what finds no room is read for the next batch. A peer that sends more than
 * the host reads is kept waiting by the system's buffers. */

#define COTHREAD_READ 12   /* `fd` > 0: once, at most so many bytes; 0: again and again, until
                              COTHREAD_PAUSE or an entry that is not COTHREAD_DATA */
#define COTHREAD_ACCEPT 13 /* connections of an adopted listening socket, likewise until paused */
#define COTHREAD_PAUSE 14  /* ends COTHREAD_READ and COTHREAD_ACCEPT; an entry may be in the batch
                              that was built before */
#define COTHREAD_WRITE 15  /* `fd` bytes at offset `value` of ring.output, which are free again once
                              the request is taken. COTHREAD_BEHIND: they lie right behind those of
                              the write before it in this ring, the first one's at 0 */
#define COTHREAD_CLOSE 16  /* closes the descriptor once nothing is unsent; with the deadline
                              COTHREAD_NOW at once. If it had to wait, COTHREAD_WRITTEN or an error
                              is its last entry */
#define COTHREAD_BEHIND (-1)

#define COTHREAD_POSTED 1 /* reason of a batch entry that is a callback for the host, not a task */
/* Reasons of an entry about an adopted descriptor. Of an error (COTHREAD_ESYSTEM) `events` is
 * errno; `value` of a failed write is the number of bytes that were not sent. */
#define COTHREAD_DATA 2     /* `events` bytes at offset `value` of ring.input, till the next poll;
                               `item` is the offset behind them, and not 0 */
#define COTHREAD_END 3      /* the peer sent its last */
#define COTHREAD_WRITTEN 4  /* `value` bytes are unsent; 0: no more */
#define COTHREAD_ACCEPTED 5 /* `value` is the handle of an adopted connection */

/* cothread_ready is an entry of the batch. */
typedef struct cothread_ready {
    uint64_t token;  /* the host task's, or the callback's */
    int32_t reason;  /* 0: woken; COTHREAD_POSTED; or an error, COTHREAD_ETIMEDOUT among them */
    uint32_t events; /* descriptor waits: the bits; COTHREAD_CONNECT: errno */
    int64_t value;   /* event's value, task's result, mailbox's value, connection's handle */
    /* COTHREAD_WAIT_ITEMS: `reason` is 0 or the error of an item, `events` its result, `value` its
       value, and */
    uint32_t item;   /* 1 + its place among the items; 0: the entry is about the whole wait, which
                        failed, timed out or was cancelled */
    uint32_t more;   /* how many entries of this wait follow, perhaps in the next batch */
} cothread_ready;

/* cothread_ring is what a host and its scheduler share. */
typedef struct cothread_ring {
    uint32_t size;         /* sizeof(cothread_ring) as the library knows it */
    uint32_t capacity;     /* entries of each array: 4096 */
    uint32_t request_size; /* bytes from one request to the next */
    uint32_t ready_size;   /* bytes from one entry of the batch to the next */
    cothread_request *requests;
    cothread_ready *ready;
    int64_t request_count; /* written by the host, set to 0 when taken */
    int64_t ready_count;   /* written by cothread_poll_scheduler; the host may set it to 0 */
    /* Stamped by the host at each switch, so that statistics and a watchdog see its tasks: */
    cothread_handle current; /* the host task that runs; 0: none */
    int64_t switches;        /* so far */
    /* For reading and writing in batches: */
    int64_t deadline;        /* of cothread_poll; COTHREAD_FOREVER at first */
    char *input;             /* what COTHREAD_DATA points into */
    char *output;            /* what COTHREAD_WRITE points into; the host's */
    uint32_t input_size;     /* bytes: 1 MiB */
    uint32_t output_size;    /* likewise */
} cothread_ring;

/* cothread_host_ring returns the ring of the calling thread's hosted scheduler.
 * Returns its address, valid while the scheduler lives. Or NULL, and cothread_last_error() says
 * why: the scheduler is self-driven, or the caller is in a task.
 * Plain; from own stack. */
COTHREAD_API cothread_ring *cothread_host_ring(void);

/* cothread_poll is cothread_poll_scheduler(ring->deadline): a call without arguments costs some
 * hosts a third of one that has any.
 * Returns and errors as cothread_poll_scheduler.
 * Wait; from own stack. */
COTHREAD_API int cothread_poll(void);

/* cothread_host_create makes a host task. It is not ready: the host starts it itself. Native tasks
 * may join, cancel and wake it like their own. A cancelled host task gets COTHREAD_ECANCELED for
 * the wait it is in and for each later one; nothing else announces the request.
 *   token  comes back in each of its batch entries; any value
 *   name   copied, cut to 31 bytes; NULL: none
 *   flags  0
 * Returns the task's handle, or
 *   COTHREAD_EBUSY    called inside a task, a callback, a tick or an observer
 *   COTHREAD_EHOSTED  the scheduler is self-driven
 *   COTHREAD_ELIMIT   4194303 tasks exist already
 * Plain; from own stack. */
COTHREAD_API COTHREAD_CHECKED cothread_handle cothread_host_create(uint64_t token,
                                                                   const char *name,
                                                                   uint32_t flags);

/* cothread_submit takes the requests in the ring now, without running anything: when the ring is
 * full, or before the host waits for cothread_poll_fd.
 * Returns the number of requests, or
 *   COTHREAD_EBUSY    called inside a task, a callback, a tick or an observer
 *   COTHREAD_EHOSTED  the scheduler is self-driven
 * System call; from own stack. */
COTHREAD_API int cothread_submit(void);

/* ---- Statistics ------------------------------------------------------------------------------ */

#define COTHREAD_GUARD_KERNEL 1  /* MADV_GUARD_INSTALL: pages that fault, no mapping of their own */
#define COTHREAD_GUARD_PROTECT 2 /* mprotect: two mappings per stack */
#define COTHREAD_GUARD_CANARY 3  /* neither is to be had: a pattern checked at each switch away */

/* cothread_stats holds counters since creation, and present values. Each is read whole; together
 * they are not one instant. */
typedef struct cothread_stats {
    uint32_t size;              /* sizeof(cothread_stats), set by the caller; no more is written */
    uint32_t guard;             /* COTHREAD_GUARD_... in force */
    uint64_t ticks;
    uint64_t switches;          /* to native tasks */
    uint64_t host_switches;     /* stamped by the host */
    uint64_t tasks_spawned;
    uint64_t tasks_ready;       /* present values: native and host tasks, main excepted */
    uint64_t tasks_waiting;
    uint64_t tasks_ended;       /* ended, not joined yet */
    uint64_t timers_armed;      /* deadlines that are kept now */
    uint64_t timers_fired;
    uint64_t descriptors;       /* registered now: adopted, waited for, those of signals and of file
                                   watches */
    uint64_t polls;             /* system calls that asked for readiness */
    uint64_t sleeps;            /* of those, the ones that could block */
    uint64_t callback_bound;
    uint64_t callback_depth;    /* pending now */
    uint64_t callback_high_water;
    uint64_t callback_accepted;
    uint64_t callback_refused;  /* posts answered COTHREAD_EFULL or COTHREAD_ETIMEDOUT */
    uint64_t callback_replaced;
    uint64_t callback_run;      /* started */
    uint64_t callback_wait[32]; /* sampled waiting times: [i] counts those in [2^i, 2^(i+1)) ns; one
                                   in 32 is sampled, and each that finds the scheduler asleep */
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
    uint64_t timers;
    uint64_t signals;
    uint64_t watches;
    uint64_t processes;         /* and threads */
    uint64_t pools;             /* those of cothread_pool_create */
    uint64_t jobs;              /* not closed, and offloads under way */
    uint64_t connections;       /* each has an adopted descriptor, which counts as such too */
} cothread_stats;

/* cothread_statistics fills in the statistics of a scheduler.
 *   scheduler  any living scheduler
 *   stats      with `size` set; receives the smaller of both sizes, and zeroes in the rest
 * Returns 0, or
 *   COTHREAD_EDEAD  the scheduler is gone
 * Plain; from any thread. */
COTHREAD_API int cothread_statistics(cothread_handle scheduler, cothread_stats *stats);

#ifdef __cplusplus
}
#endif
#endif
