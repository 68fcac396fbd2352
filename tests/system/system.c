/* system.c - memory, waiting and waking as system/system.h promises them.
 * SPDX-License-Identifier: Apache-2.0
 * Built with -DCOTHREAD_FAILURES, so that what this kernel can do can be taken from it. */
#define _GNU_SOURCE
#include "../../system/system.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../cothread.h"
#include "each.h"

#define SIZE 65536

static char *reserved(void)
{
    char *memory = system_reserve(SIZE);
    if (!memory)
        exit(1);
    return memory;
}

static bool all(const char *memory, char value)
{
    for (size_t i = 0; i < SIZE; i++)
        if (memory[i] != value)
            return false;
    return true;
}

static void reserved_memory_is_zero(void)
{
    char *memory = reserved();
    expect(all(memory, 0), true);
    expect(system_held(), 1);
    system_unreserve(memory, SIZE);
    expect(system_held(), 0);
}

static void cleared_memory_is_zero(void)
{
    char *memory = reserved();
    memset(memory, 1, SIZE);
    system_clear(memory, SIZE);
    expect(all(memory, 0), true);
}

static void cleared_memory_is_zero_even_if_locked(void)
{
    char *memory = reserved();
    memset(memory, 1, SIZE);
    must(mlock(memory, SIZE));
    system_clear(memory, SIZE);
    expect(all(memory, 0), true);
}

static void discarded_memory_stays_usable(void)
{
    char *memory = reserved();
    memset(memory, 1, SIZE);
    must(mlock(memory, SIZE));
    system_discard(memory, SIZE);
    expect(all(memory, 1), true); /* or zeros, where the system does more for locked memory */
    must(munlock(memory, SIZE));
    system_discard(memory, SIZE);
    memset(memory, 2, SIZE);
    expect(all(memory, 2), true);
}

static void touch(char *where)
{
    pid_t child = must(fork());
    int status;
    if (child == 0) {
        *(volatile char *)where = 1;
        _exit(0);
    }
    waitpid(child, &status, 0);
    expect(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGSEGV);
}

/* Whatever the kernel lacks, the next kind serves. */
static void guard_faults_or_says_that_it_does_not(void)
{
    for (uint64_t lacking = 0; lacking <= 2; lacking++) {
        char *memory = reserved();
        system_fail(lacking, EINVAL);
        int kind = system_guard(memory, 4096, lacking == 2 ? COTHREAD_GUARD_PROTECT : COTHREAD_GUARD_KERNEL);
        system_fail(0, 0);
        if (lacking == 1)
            expect(kind, COTHREAD_GUARD_PROTECT);
        touch(memory);
        system_discard(memory + 4096, SIZE - 4096);
        memory[4096] = 1;
        touch(memory);
        system_unreserve(memory, SIZE);
    }
    char *memory = reserved();
    system_fail(1, ENOMEM);
    expect(system_guard(memory, 4096, COTHREAD_GUARD_PROTECT), COTHREAD_GUARD_CANARY);
    *memory = 1;
}

static void child_finds_zeros_in_what_it_is_to_forget(void)
{
    char *memory = reserved();
    *memory = 1;
    expect(system_forget_in_children(memory, SIZE), true);
    expect(*memory, 1);
    pid_t child = (pid_t)must(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)); /* no handler of pthread_atfork runs */
    int status;
    if (child == 0)
        _exit(*memory);
    waitpid(child, &status, 0);
    expect(status, 0);
    system_fail(1, EINVAL);
    expect(system_forget_in_children(memory, SIZE), false);
}

static void allocated_memory_is_zero_and_grows(void)
{
    char *memory = system_allocate(16, 4096);
    expect(all(memory, 0), true);
    memory[1] = 1;
    system_fail(1, ENOMEM);
    expect(system_resize(memory, 2 * SIZE) == NULL, true);
    expect(memory[1], 1);
    memory = system_resize(memory, 2 * SIZE);
    expect(memory[1], 1);
    system_free(memory);
    system_free(system_resize(NULL, 1));
    system_free(NULL);
    expect(system_held(), 0);
    expect(system_allocate(SIZE_MAX / 2, 4) == NULL, true);
}

static void clock_goes_forward(void)
{
    int64_t before = system_now();
    system_let_others_run();
    expect(system_now() > before, true);
}

static _Atomic uint32_t word;

static void wait_ends_at_its_deadline(void)
{
    const int64_t deadlines[] = {COTHREAD_NOW, -1, 0, 1, system_now(), system_now() + 1000};
    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
        int result = 0;
        while (result == 0)
            result = system_wait(&word, 0, deadlines[i]);
        expect(result, ETIMEDOUT);
        expect(system_now() >= deadlines[i], true);
    }
}

static void wait_for_what_has_changed_returns_at_once(void)
{
    word = 1;
    expect(system_wait(&word, 0, COTHREAD_FOREVER), 0);
}

static void wait_that_the_system_refuses_still_ends(void)
{
    system_fail(1, ENOSYS);
    expect(system_wait(&word, 0, COTHREAD_FOREVER), 0);
    system_fail(1, EPERM);
    expect(system_wait(&word, 0, COTHREAD_NOW), ETIMEDOUT);
}

static _Atomic int waiting;

static void *waits(void *unused)
{
    waiting++;
    while (word == 0)
        expect(system_wait(&word, 0, COTHREAD_FOREVER), 0);
    return unused;
}

static void wake_all_ends_every_wait(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, waits, NULL);
    while (waiting < 4)
        system_let_others_run();
    word = 1;
    errno = 7;
    system_wake_all(&word);
    expect(errno, 7);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void wake_keeps_errno_and_is_not_lost_to_a_signal(void)
{
    uint64_t count = 0;
    int waker = must(eventfd(0, EFD_NONBLOCK)), closed = must(dup(waker));
    errno = 7;
    system_fail(1, EINTR);
    system_wake(waker);
    expect(errno, 7);
    expect(read(waker, &count, sizeof count), sizeof count);
    expect(count, 1);
    count = UINT64_MAX - 1;
    expect(write(waker, &count, sizeof count), sizeof count);
    system_wake(waker); /* full */
    close(closed);
    system_wake(closed);
    expect(errno, 7);
}

static void *cancelled(void *waker)
{
    pthread_cancel(pthread_self());
    system_wake(*(int *)waker);
    system_let_others_run();
    system_wait(&word, 1, COTHREAD_NOW);
    system_wake_all(&word);
    waiting = 1;
    return NULL;
}

static void nothing_is_a_cancellation_point(void)
{
    pthread_t thread;
    int waker = must(eventfd(0, EFD_NONBLOCK));
    pthread_create(&thread, NULL, cancelled, &waker);
    pthread_join(thread, NULL);
    expect(waiting, 1);
}

static const void *_Atomic faulted;

static void on_fault(const void *address)
{
    faulted = address;
}

static void host_handler(int signal)
{
    (void)signal;
    _exit(faulted == (const void *)&reserved ? 0 : 2);
}

static void fault_is_reported_and_goes_on_to_the_host(void)
{
    signal(SIGSEGV, host_handler);
    system_report_faults(on_fault);
    *(volatile char *)(uintptr_t)&reserved = 1;
    exit(3);
}

int main(void)
{
    static const struct each cases[] = {
        EACH(reserved_memory_is_zero),
        EACH(cleared_memory_is_zero),
        EACH(cleared_memory_is_zero_even_if_locked),
        EACH(discarded_memory_stays_usable),
        EACH(guard_faults_or_says_that_it_does_not),
        EACH(child_finds_zeros_in_what_it_is_to_forget),
        EACH(allocated_memory_is_zero_and_grows),
        EACH(clock_goes_forward),
        EACH(wait_ends_at_its_deadline),
        EACH(wait_for_what_has_changed_returns_at_once),
        EACH(wait_that_the_system_refuses_still_ends),
        EACH(wake_all_ends_every_wait),
        EACH(wake_keeps_errno_and_is_not_lost_to_a_signal),
        EACH(nothing_is_a_cancellation_point),
        EACH(fault_is_reported_and_goes_on_to_the_host),
    };
    return run_each(cases, sizeof cases / sizeof cases[0]);
}
