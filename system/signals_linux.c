/* signals_linux.c - see signals.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The handler may run at any moment, on any thread of the host's. So what it looks at is atomic, and
 * is never unmapped: a counter, once made, stays in the list of its signal, and is opened again.
 * What a close does give back is the counter's descriptors, and a handler that wrote to one after
 * that would write into another file. So a handler is counted in the counter's state while it
 * uses it, and close waits for it. It is not inside any more when it calls the program's own
 * handler: that one may never return (siglongjmp). */
#define _GNU_SOURCE
#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../cothread.h"
#include "failures.h"
#include "process.h"
#include "system.h"

#define OPEN (UINT32_C(1) << 31) /* in a counter's state; below it, how many handlers are inside */

struct system_signal {
    struct system_signal *next; /* of the same signal; for good */
    _Atomic uint32_t state;
    _Atomic int32_t sender;
    _Atomic uint64_t count; /* deliveries not taken. The one that finds 0 writes `event` */
    int32_t event;          /* an eventfd */
    int32_t blocked;        /* a signalfd; -1: none */
    int32_t number;
    uint32_t flags;
};

/* A program may have installed a handler over ours that calls ours in turn, and keep it when the
 * last counter is closed. The next open then installs ours over that one: were it the same function
 * again, it would call the program's, which would call it ... So there are two, which take turns,
 * each with the disposition that it replaced. */
enum { ENTRIES = 2 };

struct number {
    struct system_signal *_Atomic counters;
    _Atomic int installed; /* 1 + the entry that counts; 0: none does */
    _Atomic int forwarders; /* open counters that want the program's handler to be called */
    _Atomic uintptr_t former[ENTRIES]; /* SIG_DFL, SIG_IGN or a function */
    struct sigaction replaced[ENTRIES]; /* the same, whole */
    int open;
    int entry; /* that is installed, or will be */
};

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER; /* guards what the handler does not look at */
static struct number numbers[_NSIG];

/* ---- Delivery -------------------------------------------------------------------------------------- */

static int32_t sender_of(int number, int code, int32_t pid)
{
    switch (code) {
    case SI_USER:
    case SI_QUEUE:
    case SI_TKILL:
    case SI_MESGQ: return pid;
    }
    return number == SIGCHLD && code > 0 ? pid : 0; /* else something of another meaning lies there */
}

static void deliver(struct number *n, int32_t sender)
{
    for (struct system_signal *c = atomic_load(&n->counters); c; c = c->next) {
        if (atomic_fetch_add(&c->state, 1) & OPEN) {
            atomic_store(&c->sender, sender);
            if (atomic_fetch_add(&c->count, 1) == 0)
                system_wake(c->event);
        }
        atomic_fetch_sub(&c->state, 1);
    }
}

/* act_as does what a disposition would have done. Three arguments, whatever kind of handler it is: the third and the second
 * lie in registers that the other kind does not look at, and so the kernel does it too. */
static void act_as(uintptr_t disposition, int number, siginfo_t *info, void *context)
{
    if (disposition != (uintptr_t)SIG_DFL && disposition != (uintptr_t)SIG_IGN)
        ((void (*)(int, siginfo_t *, void *))disposition)(number, info, context);
}

static void act_by_default(int number)
{
    static const struct sigaction by_default = {.sa_handler = SIG_DFL};
    int saved = errno;
    sigaction(number, &by_default, NULL);
    raise(number); /* comes when the handler returns */
    errno = saved;
}

static void on_signal(int entry, int number, siginfo_t *info, void *context)
{
    struct number *n = &numbers[number];
    uintptr_t former = atomic_load(&n->former[entry]);
    bool forked = process_forked();
    bool counts = !forked && atomic_load(&n->installed) == 1 + entry;
    if (counts)
        deliver(n, sender_of(number, info->si_code, info->si_pid));
    if (forked && former == (uintptr_t)SIG_DFL)
        act_by_default(number);
    else if (!counts || atomic_load(&n->forwarders))
        act_as(former, number, info, context);
}

static void on_signal_0(int number, siginfo_t *info, void *context)
{
    on_signal(0, number, info, context);
}

static void on_signal_1(int number, siginfo_t *info, void *context)
{
    on_signal(1, number, info, context);
}

static void (*const entries[ENTRIES])(int, siginfo_t *, void *) = {on_signal_0, on_signal_1};

/* ---- The disposition ------------------------------------------------------------------------------- */

static bool is_entry(const struct sigaction *action, int entry)
{
    return action->sa_flags & SA_SIGINFO && action->sa_sigaction == entries[entry];
}

/* install is called with the first counter open; 0 or -errno. */
static int install(struct number *n, int number)
{
    struct sigaction present;
    if (SYSTEM_CALL(sigaction(number, NULL, &present), -1) < 0)
        return -errno;
    for (int i = 0; i < ENTRIES; i++)
        if (is_entry(&present, i)) { /* the program put it back, after its own had covered it */
            n->entry = i;
            atomic_store(&n->installed, 1 + i);
            return 0;
        }
    n->replaced[n->entry] = present;
    atomic_store(&n->former[n->entry], (uintptr_t)present.sa_handler);
    bool function = present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN;
    struct sigaction ours = {.sa_sigaction = entries[n->entry],
                             /* How children are reaped stays as it is. */
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | (present.sa_flags & (SA_NOCLDSTOP | SA_NOCLDWAIT))};
    if (number == SIGCHLD && present.sa_handler == SIG_IGN)
        ours.sa_flags |= SA_NOCLDWAIT;
    if (function)
        ours.sa_mask = present.sa_mask;
    else
        sigemptyset(&ours.sa_mask);
    atomic_store(&n->installed, 1 + n->entry);
    if (SYSTEM_CALL(sigaction(number, &ours, NULL), -1) == 0)
        return 0;
    int error = errno;
    atomic_store(&n->installed, 0);
    return -error;
}

static void put_back(struct number *n, int number)
{
    struct sigaction present;
    if (sigaction(number, NULL, &present) == 0 && is_entry(&present, n->entry))
        sigaction(number, &n->replaced[n->entry], NULL);
    else
        n->entry = (n->entry + 1) % ENTRIES; /* it may still be called */
    atomic_store(&n->installed, 0);
}

/* ---- Opening and closing --------------------------------------------------------------------------- */

const char *system_signal_refused(int number)
{
    switch (number) {
    case SIGKILL:
    case SIGSTOP: return "no program can keep it from what it does";
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS: return "it tells of a fault, which would only come again";
    case SIGURG:
    case SIGPROF: return "Go's runtime, which drives the library, uses it";
    }
    if (number >= 32 && number < SIGRTMIN)
        return "the C library uses it";
    return number < 1 || number > SIGRTMAX ? "there is no such signal" : NULL;
}

/* closed_counter returns one to open: of this signal for good, so one that was closed, or a new one. */
static struct system_signal *closed_counter(struct number *n, int number)
{
    struct system_signal *c = atomic_load(&n->counters);
    while (c && atomic_load(&c->state) & OPEN)
        c = c->next;
    if (c)
        return c;
    if (!(c = SYSTEM_CALL(calloc(1, sizeof *c), NULL)))
        return NULL;
    c->number = number;
    c->next = atomic_load(&n->counters);
    atomic_store(&n->counters, c);
    return c;
}

static int open_descriptors(struct system_signal *c)
{
    sigset_t mask, this;
    c->blocked = -1;
    if ((c->event = SYSTEM_CALL(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), -1)) < 0)
        return -errno;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (!sigismember(&mask, c->number))
        return 0;
    sigemptyset(&this);
    sigaddset(&this, c->number);
    if ((c->blocked = SYSTEM_CALL(signalfd(-1, &this, SFD_CLOEXEC | SFD_NONBLOCK), -1)) >= 0)
        return 0;
    int error = errno;
    close(c->event);
    return -error;
}

/* end is for a counter that no handler finds open any more. */
static void end(struct system_signal *c)
{
    atomic_fetch_and(&c->state, ~OPEN);
    while (atomic_load(&c->state) != 0)
        system_let_others_run();
    close(c->event);
    if (c->blocked >= 0)
        close(c->blocked);
}

static int open_counter(struct system_signal **counter, int number, uint32_t flags)
{
    struct number *n = &numbers[number];
    struct system_signal *c = closed_counter(n, number);
    int rc = c ? open_descriptors(c) : -ENOMEM;
    if (rc < 0)
        return rc;
    c->flags = flags;
    atomic_store(&c->count, 0);
    atomic_store(&c->sender, 0);
    atomic_fetch_or(&c->state, OPEN);
    atomic_fetch_add(&n->forwarders, (flags & COTHREAD_FORWARD) != 0);
    if (n->open == 0 && (rc = install(n, number)) < 0) {
        atomic_fetch_sub(&n->forwarders, (flags & COTHREAD_FORWARD) != 0);
        end(c);
        return rc;
    }
    n->open++;
    *counter = c;
    return 0;
}

int system_signal_open(struct system_signal **counter, int number, uint32_t flags)
{
    pthread_mutex_lock(&changing);
    int rc = open_counter(counter, number, flags);
    pthread_mutex_unlock(&changing);
    return rc;
}

void system_signal_close(struct system_signal *c)
{
    struct number *n = &numbers[c->number];
    pthread_mutex_lock(&changing);
    if (--n->open == 0)
        put_back(n, c->number);
    atomic_fetch_sub(&n->forwarders, (c->flags & COTHREAD_FORWARD) != 0);
    end(c);
    pthread_mutex_unlock(&changing);
}

/* ---- Taking ---------------------------------------------------------------------------------------- */

int system_signal_wakers(const struct system_signal *c, int fds[2])
{
    fds[0] = c->event;
    fds[1] = c->blocked;
    return c->blocked < 0 ? 1 : 2;
}

static int64_t read_quickly(int fd, void *buffer, size_t size)
{
    long n;
    do
        n = SYSTEM_WAKE_CALL(syscall(SYS_read, fd, buffer, size));
    while (n < 0 && errno == EINTR);
    return n;
}

/* read_blocked counts what is pending; false: there may be more. */
static bool read_blocked(struct system_signal *c)
{
    struct signalfd_siginfo read[8];
    enum { SIZE = sizeof *read };
    if (c->blocked < 0)
        return true;
    for (int left = 1024; left > 0;) {
        int64_t n = read_quickly(c->blocked, read, sizeof read);
        if (n <= 0)
            return true;
        for (int64_t i = 0; i < n / SIZE; i++, left--)
            deliver(&numbers[c->number], sender_of(c->number, read[i].ssi_code, (int32_t)read[i].ssi_pid));
    }
    return false;
}

uint32_t system_signal_take(struct system_signal *c, int32_t *sender)
{
    int saved = errno;
    uint64_t count = atomic_load(&c->count);
    if (count == 0) {
        read_blocked(c);
        errno = saved;
        if ((count = atomic_load(&c->count)) == 0)
            return 0;
    }
    if (count > INT32_MAX)
        count = INT32_MAX;
    atomic_fetch_sub(&c->count, count);
    *sender = atomic_load(&c->sender);
    return (uint32_t)count;
}

void system_signal_drain(struct system_signal *c)
{
    uint64_t written;
    int saved = errno;
    bool all = read_blocked(c);
    read_quickly(c->event, &written, sizeof written);
    if (!all)
        system_wake(c->event);
    errno = saved;
}
