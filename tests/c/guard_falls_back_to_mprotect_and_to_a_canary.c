/* SPDX-License-Identifier: Apache-2.0 */
#include "overflow.h"
#include <sys/mman.h>
#include <sys/syscall.h>

/* The program stands in front of the two calls that make a guard and refuses them, one or both, as old kernels and those
 * with few mappings left do. */
static int protects;

int madvise(void *address, size_t length, int advice) {
    if (advice == 102) { /* MADV_GUARD_INSTALL */
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_madvise, address, length, advice);
}

int mprotect(void *address, size_t length, int protection) {
    if (!protects && protection == PROT_NONE && length == 65536) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_mprotect, address, length, protection);
}

static void *filler(void *unused) {
    expect(cothread_yield(), 0);
    return unused;
}

/* 512 bytes more than there are, written from the top down, and then a switch away. */
static void *digger(void *unused) {
    volatile char block[65536 + 512];
    size_t i;
    for (i = sizeof block; i-- > 0;)
        block[i] = 1;
    expect(cothread_yield(), 0);
    return block[0] ? unused : NULL;
}

static int victim(uint32_t guard) {
    cothread_task_options options = {sizeof options, 0, 0, 0, "digger"};
    struct rlimit none = {0, 0};
    cothread_handle scheduler, below, task;
    expect(setrlimit(RLIMIT_CORE, &none), 0);
    scheduler = handle(cothread_create(NULL));
    below = spawn(filler, NULL); /* below the lowest stack there would be nothing to write to */
    task = handle(cothread_spawn(digger, NULL, &options));
    expect(statistics(scheduler).guard, guard);
    join(task);
    join(below);
    return 0;
}

int main(int count, char **arguments) {
    if (SANITIZED)
        return 0; /* which has the two calls for itself, and would take the overflow for its own find */
    if (count > 1) {
        protects = arguments[1][0] == 'p';
        return victim(protects ? COTHREAD_GUARD_PROTECT : COTHREAD_GUARD_CANARY);
    }
    overflow_is_named("protect", SIGSEGV);
    overflow_is_named("canary", SIGABRT);
    return 0;
}
