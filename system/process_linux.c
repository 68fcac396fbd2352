/* process_linux.c - the process stays its host's: when Go's runtime starts, on which threads, with
 * which signals.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The constructor that Go's linker puts into the library installs signal handlers and then makes a
 * thread that starts the runtime. The library is linked with --wrap=pthread_create, so each thread
 * that the runtime makes is asked for here, and the first such call, the constructor's, only notes
 * down how to start it: process_start does it, at the first cothread_create. */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "failures.h"

/* Go's own tests link this file without --wrap. */
__attribute__((weak)) int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

struct job {
    void *(*function)(void *);
    void *argument;
};

/* ---- Children ---------------------------------------------------------------------------------------- */

static const volatile uint32_t never_forked = 1;
static uint32_t *page; /* that the kernel wipes in a child */
const volatile uint32_t *_Atomic process_mark = &never_forked;

/* With `starting` held. */
static bool mark_process(void)
{
    if (!page) {
        void *made = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED)
            return false;
        page = made;
        madvise(page, 4, MADV_WIPEONFORK); /* Linux before 4.14 has only fork's handler */
    }
    if (*page == 0) /* once: other threads read it from then on */
        *page = 1;
    atomic_store_explicit(&process_mark, page, memory_order_release);
    return true;
}

/* A start that was refused leaves children free to try. */
static void unmark_process(void)
{
    atomic_store_explicit(&process_mark, &never_forked, memory_order_release);
}

void process_forget(void)
{
    if (page)
        *page = 0;
}

/* ---- Signals ----------------------------------------------------------------------------------------- */

/* Go handles SIGFPE, although the code it makes tests each divisor, and SIGPIPE, although nothing
 * here writes with a signal: both are put back as they were. What stays is SIGSEGV and SIGBUS
 * (overflow.c, and Go's checks for nil) and SIGURG (its collector stops threads by it). */
static const int not_needed[] = {SIGFPE, SIGPIPE};
enum { NOT_NEEDED = sizeof not_needed / sizeof *not_needed };
static struct sigaction before[NOT_NEEDED];

__attribute__((constructor(101))) static void remember_dispositions(void)
{
    for (int i = 0; i < NOT_NEEDED; i++)
        sigaction(not_needed[i], NULL, &before[i]);
}

static void put_dispositions_back(void)
{
    for (int i = 0; i < NOT_NEEDED; i++)
        sigaction(not_needed[i], &before[i], NULL);
}

/* The runtime's threads are made with every signal blocked, and then open those that its table of
 * signals marks so: the faults, but also SIGCHLD, SIGPROF and 34. A host that blocks one of these
 * in all its own threads, to take it by sigwait or signalfd, would lose it to a thread of Go's. So
 * the mark is taken off in the table, before anything reads it. The linker gives the table no name
 * that C can use; it is found by the names in it, and left alone unless each is in its place.
 * tests/c/blocked_signals_reach_their_waiter.c fails if a version of Go changes this. */
struct signal_row { /* sigTabT in Go's runtime/signal_unix.go */
    int32_t flags;
    const char *name;
    intptr_t length;
};
enum { ROWS = 65, ROW_UNBLOCK = 128 /* _SigUnblock in runtime/runtime2.go */ };

extern const char image[] __asm__("__ehdr_start") __attribute__((visibility("hidden"))); /* this library, mapped */

/* The search reads all data of the library, what AddressSanitizer puts between variables too. */
#define READS_ALL_DATA __attribute__((no_sanitize("address")))

READS_ALL_DATA static bool row_begins(const struct signal_row *row, const char *text, const char *low, const char *high)
{
    size_t length = strlen(text);
    return row->length >= (intptr_t)length && row->name >= low && row->name < high && high - row->name >= row->length &&
           memcmp(row->name, text, length) == 0;
}

READS_ALL_DATA static struct signal_row *signal_table(void)
{
    const ElfW(Ehdr) *header = (const void *)image;
    const char *base = image, *high = base;
    const ElfW(Phdr) *segment = (const void *)(base + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_LOAD && base + segment[i].p_vaddr + segment[i].p_filesz > high)
            high = base + segment[i].p_vaddr + segment[i].p_filesz;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segment[i].p_type != PT_LOAD || !(segment[i].p_flags & PF_W))
            continue;
        uintptr_t at = ((uintptr_t)base + segment[i].p_vaddr + 7) & ~(uintptr_t)7;
        uintptr_t end = (uintptr_t)base + segment[i].p_vaddr + segment[i].p_filesz;
        for (; at + ROWS * sizeof(struct signal_row) <= end; at += 8) {
            struct signal_row *row = (struct signal_row *)at;
            if (row_begins(&row[0], "SIGNONE: ", base, high) && row_begins(&row[SIGCHLD], "SIGCHLD: ", base, high) &&
                row_begins(&row[SIGPROF], "SIGPROF: ", base, high) && row_begins(&row[34], "signal 34", base, high) &&
                row_begins(&row[ROWS - 1], "signal 64", base, high))
                return row;
        }
    }
    return NULL;
}

static void keep_signals_blocked(void)
{
    struct signal_row *row = signal_table();
    if (row) {
        row[SIGCHLD].flags &= ~ROW_UNBLOCK;
        row[SIGPROF].flags &= ~ROW_UNBLOCK;
        row[34].flags &= ~ROW_UNBLOCK;
    }
}

_Static_assert(sizeof(struct process_mask) == sizeof(sigset_t), "a mask is a sigset_t");

void process_save_mask(struct process_mask *mask)
{
    pthread_sigmask(SIG_SETMASK, NULL, (sigset_t *)mask);
    sigdelset((sigset_t *)mask, SIGURG);
}

void process_put_mask_back(const struct process_mask *mask)
{
    pthread_sigmask(SIG_SETMASK, (const sigset_t *)mask, NULL);
}

static bool signal_stack_is_too_small(void)
{
    stack_t own; /* where there is none, Go gives the thread one of 32 KB */
    return sigaltstack(NULL, &own) == 0 && !(own.ss_flags & SS_DISABLE) && own.ss_size < PROCESS_SIGNAL_STACK;
}

/* ---- Threads ----------------------------------------------------------------------------------------- */

/* When the runtime needs a thread and gets none it ends the process. So some are made ahead, and a
 * create is refused when they cannot be. */
struct spare {
    struct spare *next;
    sem_t handed; /* posted when `job` is there */
    struct job job;
};

static pthread_mutex_t threads = PTHREAD_MUTEX_INITIALIZER; /* guards the rest of this section */
static struct spare *spares;
static int spare_count;
static size_t stack_size; /* of each spare thread: Go computes with what its attributes say */
static int running;
static int schedulers;

static void *spare_thread(void *argument)
{
    struct spare *own = argument;
    while (sem_wait(&own->handed) != 0)
        ; /* EINTR, although every signal is blocked: a debugger may do it */
    struct job job = own->job;
    sem_destroy(&own->handed);
    free(own);
    if (!job.function)
        return NULL;
    job.function(job.argument);
    sigset_t all; /* Go opens 34 in a thread that ends */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_mutex_lock(&threads);
    running--;
    pthread_mutex_unlock(&threads);
    return NULL;
}

static int make_spare(const pthread_attr_t *attributes)
{
    pthread_t thread;
    struct spare *new = malloc(sizeof *new);
    if (!new)
        return ENOMEM;
    new->job = (struct job){NULL, NULL};
    sem_init(&new->handed, 0, 0);
    int rc = __real_pthread_create(&thread, attributes, spare_thread, new);
    if (rc != 0) {
        sem_destroy(&new->handed);
        free(new);
        return rc;
    }
    new->next = spares;
    spares = new;
    spare_count++;
    return 0;
}

/* With `threads` held, as the next two. Every signal is blocked in a spare thread. */
static int make_spares(int wanted)
{
    int rc = 0;
    sigset_t all, mask;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (spare_count == 0)
        pthread_attr_getstacksize(&attributes, &stack_size);
    else
        pthread_attr_setstacksize(&attributes, stack_size);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    while (spare_count < wanted && rc == 0)
        rc = make_spare(&attributes);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    pthread_attr_destroy(&attributes);
    return rc;
}

static void hand(struct job job)
{
    struct spare *first = spares;
    spares = first->next;
    spare_count--;
    running += job.function != NULL;
    first->job = job;
    sem_post(&first->handed);
}

static void end_spares(void)
{
    while (spares)
        hand((struct job){NULL, NULL});
}

int process_threads(void)
{
    pthread_mutex_lock(&threads);
    int count = running;
    pthread_mutex_unlock(&threads);
    return count;
}

/* ---- The library's own threads ------------------------------------------------------------------------ */

int process_make_thread(void *(*function)(void *), void *argument, size_t thread_stack_size)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t blocked, mask;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN); /* on arm64 128 KB */
    int rc = pthread_attr_setstacksize(&attributes, thread_stack_size > least ? thread_stack_size : least);
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &mask);
    if (rc == 0) /* not pthread_create by its name: that asks for one of Go's */
        rc = SYSTEM_CALL((__real_pthread_create ? __real_pthread_create : pthread_create)(&thread, &attributes, function, argument), errno);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    pthread_attr_destroy(&attributes);
    return rc;
}

void process_name_thread(const char *name)
{
    pthread_setname_np(pthread_self(), name);
}

/* ---- The runtime's start ----------------------------------------------------------------------------- */

static struct job runtime; /* what Go's constructor asked a thread for */
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t started = PTHREAD_COND_INITIALIZER;
static enum { NOT_STARTED, STARTS, RUNS } state; /* guarded by `starting` */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument)
{
    struct job job = {function, argument};
    int rc = 0;
    if (!runtime.function) {
        runtime = job;
        put_dispositions_back();
        return 0;
    }
    size_t size;
    pthread_attr_getstacksize(attributes, &size);
    pthread_mutex_lock(&threads);
    if (spare_count > 0 && size != stack_size) /* the host changed the default meanwhile */
        rc = __real_pthread_create(thread, attributes, function, argument);
    else if (spare_count > 0 || (rc = make_spares(1)) == 0)
        hand(job);
    pthread_mutex_unlock(&threads);
    return rc;
}

static bool address_space_is_there(void)
{
    void *probe = mmap(NULL, PROCESS_ADDRESS_SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe == MAP_FAILED)
        return false;
    munmap(probe, PROCESS_ADDRESS_SPACE);
    return true;
}

void process_runtime_runs(void)
{
    pthread_mutex_lock(&starting);
    state = RUNS;
    pthread_cond_broadcast(&started);
    pthread_mutex_unlock(&starting);
}

static void wait_until_it_runs(void)
{
    while (state != RUNS)
        pthread_cond_wait(&started, &starting);
}

/* With `starting` held. Go's package syscall raises the soft limit of descriptors as it is
 * initialised; the host, and its children, are to have their own. */
static int start(void)
{
    struct rlimit descriptors, raised;
    if (!mark_process())
        return PROCESS_NO_ADDRESS_SPACE;
    keep_signals_blocked();
    getrlimit(RLIMIT_NOFILE, &descriptors);
    pthread_mutex_lock(&threads);
    int rc = make_spares(PROCESS_THREADS) == 0 ? 0 : PROCESS_NO_THREAD;
    if (rc == 0 && !address_space_is_there()) /* beside the stacks of these threads */
        rc = PROCESS_NO_ADDRESS_SPACE;
    if (rc == 0) {
        hand(runtime);
        schedulers++;
    } else {
        end_spares(); /* a refused create leaves nothing behind */
    }
    pthread_mutex_unlock(&threads);
    if (rc != 0) {
        unmark_process();
        return rc;
    }
    state = STARTS;
    wait_until_it_runs();
    getrlimit(RLIMIT_NOFILE, &raised);
    raised.rlim_cur = descriptors.rlim_cur;
    setrlimit(RLIMIT_NOFILE, &raised);
    return 0;
}

static int one_more(void)
{
    pthread_mutex_lock(&threads);
    int rc = make_spares(PROCESS_THREADS + schedulers - running);
    schedulers += rc == 0;
    pthread_mutex_unlock(&threads);
    return rc ? PROCESS_NO_THREAD : 0;
}

void process_scheduler_gone(void)
{
    pthread_mutex_lock(&threads);
    schedulers--;
    if (spare_count > PROCESS_THREADS)
        hand((struct job){NULL, NULL});
    pthread_mutex_unlock(&threads);
}

int process_start(void)
{
    int rc, cancelable;
    if (!runtime.function) { /* tests of the C half bring no Go */
        pthread_mutex_lock(&starting);
        rc = mark_process() ? 0 : PROCESS_NO_ADDRESS_SPACE;
        pthread_mutex_unlock(&starting);
        return rc;
    }
    if (signal_stack_is_too_small())
        return PROCESS_SMALL_SIGNAL_STACK;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    pthread_mutex_lock(&starting);
    if (state == STARTS) /* by another thread: that of a first create is refused, or both are served */
        wait_until_it_runs();
    rc = state == RUNS ? one_more() : start();
    pthread_mutex_unlock(&starting);
    pthread_setcancelstate(cancelable, NULL);
    return rc;
}
