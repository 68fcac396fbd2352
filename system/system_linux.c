/* system_linux.c - see system.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * System calls that may block are made by syscall(2) and not by the C library's functions: those
 * are cancellation points, at which a cancelled thread would end with half of an operation done. */
#define _GNU_SOURCE
#include "system.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../cothread.h"
#include "failures.h"
#include "quiet_linux.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* ---- Memory ---------------------------------------------------------------------------------------- */

void *system_reserve(size_t size)
{
    void *memory = SYSTEM_CALL(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), MAP_FAILED);
    if (memory == MAP_FAILED)
        return NULL;
    SYSTEM_HOLDS(1);
    return memory;
}

void system_unreserve(void *memory, size_t size)
{
    munmap(memory, size);
    SYSTEM_HOLDS(-1);
}

void system_clear(void *memory, size_t size)
{
    int saved = errno;
    if (SYSTEM_CALL(madvise(memory, size, MADV_DONTNEED), -1) != 0)
        memset(memory, 0, size); /* EINVAL: locked by mlock or mlockall */
    errno = saved;
}

void system_discard(void *memory, size_t size)
{
    int saved = errno;
    (void)SYSTEM_CALL(madvise(memory, size, MADV_DONTNEED), -1);
    errno = saved;
}

void system_small_pages(void *memory, size_t size)
{
    int saved = errno;
    (void)SYSTEM_CALL(madvise(memory, size, MADV_NOHUGEPAGE), -1); /* EINVAL: a kernel without huge pages */
    errno = saved;
}

int system_guard(void *low, size_t size, int kind)
{
    int saved = errno;
    /* Fails before Linux 6.13, and for locked memory. */
    if (kind == COTHREAD_GUARD_KERNEL && SYSTEM_CALL(madvise(low, size, MADV_GUARD_INSTALL), -1) != 0)
        kind = COTHREAD_GUARD_PROTECT;
    /* Fails at 65 530 mappings, the kernel's default limit. */
    if (kind == COTHREAD_GUARD_PROTECT && SYSTEM_CALL(mprotect(low, size, PROT_NONE), -1) != 0)
        kind = COTHREAD_GUARD_CANARY;
    errno = saved;
    return kind;
}

bool system_forget_in_children(void *memory, size_t size)
{
    int saved = errno;
    bool done = SYSTEM_CALL(madvise(memory, size, MADV_WIPEONFORK), -1) == 0;
    errno = saved;
    return done;
}

void *system_allocate(size_t count, size_t size)
{
    void *memory = SYSTEM_CALL(calloc(count, size), NULL);
    SYSTEM_HOLDS(memory != NULL);
    return memory;
}

void *system_resize(void *memory, size_t size)
{
    void *resized = SYSTEM_CALL(realloc(memory, size), NULL);
    SYSTEM_HOLDS(resized && !memory);
    return resized;
}

void system_free(void *memory)
{
    SYSTEM_HOLDS(-(memory != NULL));
    free(memory);
}

/* ---- Time ------------------------------------------------------------------------------------------ */

int64_t system_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * COTHREAD_SECOND + now.tv_nsec;
}

void system_let_others_run(void)
{
    struct timespec moment = {0, 20000};
    int saved = errno;
    syscall(SYS_nanosleep, &moment, NULL);
    errno = saved;
}

/* ---- Threads --------------------------------------------------------------------------------------- */

int system_wait(_Atomic uint32_t *word, uint32_t seen, int64_t deadline)
{
    struct timespec until, *limit = NULL;
    if (deadline != COTHREAD_FOREVER) {
        int64_t ns = deadline < 0 ? 0 : deadline; /* the kernel takes no negative time */
        until.tv_sec = ns / COTHREAD_SECOND;
        until.tv_nsec = ns % COTHREAD_SECOND;
        limit = &until;
    }
    int saved = errno, error = 0;
    if (SYSTEM_CALL(syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen, limit, NULL, FUTEX_BITSET_MATCH_ANY), -1) < 0)
        error = errno;
    errno = saved;
    if (error == 0 || error == EAGAIN || error == EINTR)
        return 0;
    if (error != ETIMEDOUT) /* a filter that forbids the call: the caller tries again and again, but must not spin */
        system_let_others_run();
    return error == ETIMEDOUT || (deadline != COTHREAD_FOREVER && deadline <= system_now()) ? ETIMEDOUT : 0;
}

void system_wake_all(_Atomic uint32_t *word)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX);
    errno = saved;
}

/* The waker is an eventfd. EAGAIN: its counter is full, and it is readable too. */
void system_wake(int waker)
{
    static const uint64_t one = 1;
    int saved = errno;
    while (SYSTEM_WAKE_CALL(syscall(SYS_write, waker, &one, sizeof one)) < 0 && errno == EINTR)
        ;
    errno = saved;
}

/* ---- Misfortune ------------------------------------------------------------------------------------ */

void system_say(const char *text, size_t length)
{
    int saved = errno;
    while (length > 0) {
        int64_t n = system_quiet_write(2, text, length);
        if (n <= 0)
            break;
        text += n;
        length -= (size_t)n;
    }
    errno = saved;
}

static struct sigaction previous[2]; /* of SIGSEGV and SIGBUS; written once, before there is anything to report */
static void (*report_fault)(const void *address);

static void on_fault(int signal, siginfo_t *info, void *context)
{
    const struct sigaction *next = &previous[signal == SIGBUS];
    report_fault(info->si_addr);
    if (next->sa_flags & SA_SIGINFO) {
        next->sa_sigaction(signal, info, context);
    } else if (next->sa_handler != SIG_DFL && next->sa_handler != SIG_IGN) {
        next->sa_handler(signal);
    } else { /* the fault comes again, and ends the process as it would have without us */
        struct sigaction by_default = {.sa_handler = SIG_DFL};
        sigaction(signal, &by_default, NULL);
    }
}

void system_report_faults(void (*report)(const void *address))
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    report_fault = report;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous[0]);
    sigaction(SIGBUS, &action, &previous[1]);
}

/* ---- Failures on demand ---------------------------------------------------------------------------- */

#ifdef COTHREAD_FAILURES
static _Atomic uint64_t calls, failing;
static _Atomic int failure;
static _Atomic int64_t held;

void system_fail(uint64_t n, int error)
{
    atomic_store(&failing, 0);
    atomic_store(&calls, 0);
    atomic_store(&failure, error);
    atomic_store(&failing, n);
}

uint64_t system_calls(void)
{
    return atomic_load(&calls);
}

int64_t system_held(void)
{
    return atomic_load(&held);
}

void system_holds(int by)
{
    atomic_fetch_add(&held, by);
}

bool system_fails(void)
{
    if (atomic_fetch_add(&calls, 1) + 1 != atomic_load(&failing))
        return false;
    errno = atomic_load(&failure);
    return true;
}
#endif
