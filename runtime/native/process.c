/* process.c - processes and threads: starting, signals, and the wait for their end.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each has a descriptor that becomes readable when it ends, registered with the poller. The end is a condition: once known
 * it stays, and the descriptor stays too, for signals, until the object is closed. A child that was started here and runs on
 * when it is closed is forgotten: its handle names nothing, but the object watches on, so that no zombie stays. */
#include "process.h"

#include <signal.h>
#include <stdio.h>

#include "../../system/children.h"
#include "../../system/system.h"
#include "wait.h"

struct process {
    uint32_t index, generation;
    struct slot *next_free;
    struct wait_list waiters;
    struct system_child child;
    int32_t status; /* as from wait(2), once it ENDED */
    enum { RUNS, ENDED, LOST /* somebody else took its status, or will */ } state;
    bool open, thread;
    bool started; /* here: its status is ours to take */
    bool forgotten;
};
_Static_assert(sizeof(struct process) <= 64, "a process fits its slot");

static struct process *find(struct scheduler *s, cothread_handle handle, int *error)
{
    struct process *process = handle_object(&s->handles, KIND_PROCESS, handle, error);
    if (process && process->forgotten) {
        *error = handle_error(&s->handles, KIND_PROCESS, handle);
        return NULL;
    }
    return process;
}

/* ---- Coming ------------------------------------------------------------------------------------------------ */

/* enter makes an object of *child; if that fails, *child is still the caller's. */
static cothread_handle enter(struct scheduler *s, const struct system_child *child, bool started, bool thread)
{
    int error;
    struct process *process = object_allocate(&s->handles, KIND_PROCESS, &error);
    if (!process)
        return error;
    process->waiters.first = NULL;
    process->child = *child;
    process->state = RUNS;
    process->thread = thread;
    process->started = started;
    process->forgotten = false;
    process->open = true;
    cothread_handle handle = handle_of(&s->handles, KIND_PROCESS, process);
    error = (int)switch_call(s, CALL_ADOPT, child->watch, handle);
    if (error == 0)
        return handle;
    process->open = false;
    object_free(&s->handles, KIND_PROCESS, process);
    if (error == COTHREAD_ELIMIT)
        return fail(error, "the system registers no more descriptors: that of process %lld is one too many", child->pid);
    errno = (int)s->shared.call_b;
    return fail(COTHREAD_ESYSTEM, "the system does not watch process %lld (errno %lld)", child->pid, errno);
}

static int code_of(int error)
{
    switch (error) {
    case ENOMEM: return COTHREAD_ENOMEM;
    case EBADF: return COTHREAD_EBADF;
    case EAGAIN: /* RLIMIT_NPROC */
    case EMFILE:
    case ENFILE: return COTHREAD_ELIMIT;
    default: return COTHREAD_ESYSTEM;
    }
}

static cothread_handle not_started(const cothread_process_options *options, const struct system_refusal *refusal, int error)
{
    char text[320], why[80];
    uint32_t which = refusal->which;
    snprintf(why, sizeof why, "%s (errno %d)", strerror(error), error);
    switch (refusal->step) {
    case REFUSED_START: snprintf(text, sizeof text, "no child process can be made: %s", why); break;
    case REFUSED_SESSION: snprintf(text, sizeof text, "the child gets no group or session of its own: %s", why); break;
    case REFUSED_DIRECTORY: snprintf(text, sizeof text, "options.directory, \"%.100s\", cannot be entered: %s", options->directory, why); break;
    case REFUSED_DESCRIPTOR:
        if (which == options->descriptor_count)
            snprintf(text, sizeof text, "the child's descriptors cannot be closed (close_range of Linux 5.11): %s", why);
        else
            snprintf(text, sizeof text, "options.descriptors[%u]: descriptor %d does not become the child's %d: %s", which,
                     options->descriptors[which].parent, options->descriptors[which].child, why);
        break;
    case REFUSED_LIMIT: snprintf(text, sizeof text, "options.limits[%u], resource %d: %s", which, options->limits[which].resource, why); break;
    case REFUSED_PROGRAM: snprintf(text, sizeof text, "options.arguments[0], \"%.100s\", cannot be executed: %s", options->arguments[0], why); break;
    }
    errno = error;
    /* Only of descriptors and of the child itself are these the codes; a program's ENOMEM is an error of its own. */
    return fail_text(refusal->step == REFUSED_START || refusal->step == REFUSED_DESCRIPTOR ? code_of(error) : COTHREAD_ESYSTEM, text);
}

cothread_handle process_launch(struct scheduler *s, const cothread_process_options *options)
{
    struct system_child child;
    struct system_refusal refusal;
    int rc = system_child_start(options, &child, &refusal), status;
    if (rc < 0)
        return not_started(options, &refusal, -rc);
    cothread_handle handle = enter(s, &child, true, false);
    if (handle < 0) { /* started, but not watched: then it did not start */
        int saved = errno;
        system_child_signal(child.watch, 0, SIGKILL);
        while (system_child_status(child.watch, true, &status) == 0)
            system_let_others_run();
        system_child_forget(child.watch);
        errno = saved;
    }
    return handle;
}

cothread_handle process_open(struct scheduler *s, int32_t pid, bool thread)
{
    struct system_child child;
    int rc = system_child_open(pid, thread, &child);
    if (rc < 0) {
        if (code_of(-rc) != COTHREAD_ESYSTEM)
            return fail(code_of(-rc), "no descriptor or memory is left to watch %lld (errno %lld)", pid, -rc);
        if (thread && rc == -EINVAL)
            return fail(COTHREAD_ESYSTEM, "the system does not watch threads, such as %lld: Linux 6.9 does", pid);
        return fail(COTHREAD_ESYSTEM, thread ? "there is no thread %lld (errno %lld)" : "there is no process %lld (errno %lld)", pid, -rc);
    }
    cothread_handle handle = enter(s, &child, false, thread);
    if (handle < 0)
        system_child_forget(child.watch);
    return handle;
}

int process_pid(struct scheduler *s, cothread_handle handle)
{
    int error;
    struct process *process = find(s, handle, &error);
    return process ? process->child.pid : error;
}

int process_signal(struct scheduler *s, cothread_handle handle, int number, bool group)
{
    int error;
    struct process *process = find(s, handle, &error);
    if (!process)
        return error;
    bool number_is_its = process->started && process->state == RUNS; /* its status is not taken yet */
    int leader = number_is_its ? process->child.pid : INT32_MAX;
    int rc = system_child_signal(process->child.watch, group ? leader : 0, number);
    switch (rc) {
    case 0: return 0;
    case -EINVAL: return fail(COTHREAD_EINVAL, "number is %lld, which is no signal", number);
    case -ESRCH:
        return fail(COTHREAD_ESYSTEM, group ? "process %lld leads no group that lives (errno %lld)" : "process %lld has ended (errno %lld)",
                    process->child.pid, ESRCH);
    default: return fail(COTHREAD_ESYSTEM, "signal %lld was refused with errno %lld", number, -rc);
    }
}

/* ---- The end ----------------------------------------------------------------------------------------------- */

/* look finds out whether a process that ran has ended: its state tells. 0, or -errno: nothing can be known. */
static int look(struct process *process)
{
    int watch = process->child.watch, rc = 0;
    if (process->thread || !process->child.own) {
        if (system_child_ended(watch)) {
            process->status = 0;
            process->state = process->thread ? ENDED : LOST;
        }
        return 0;
    }
    rc = system_child_status(watch, process->started, &process->status);
    if (rc > 0)
        process->state = ENDED;
    else if (rc == -ECHILD)
        process->state = LOST;
    else if (rc < 0)
        return rc;
    return 0;
}

/* outcome gives a wait what it waited for: 0 .. 255, or 256 + a signal, or an error, whose errno is the value. `looked` is what
 * look returned. */
static int outcome(const struct process *process, struct wait *w, int looked)
{
    int status = process->status;
    w->value = looked < 0 ? (uint64_t)-looked : process->state == LOST ? ECHILD : (uint32_t)status;
    if (looked < 0)
        return fail(COTHREAD_ESYSTEM, "the status of process %lld is not to be had now (errno %lld)", process->child.pid, -looked);
    if (process->state == LOST)
        return fail(COTHREAD_ESYSTEM, process->child.own ? "process %lld has ended, and somebody else took its status (errno %lld)"
                                                         : "process %lld has ended; it is no child, so its status is its parent's (errno %lld)",
                    process->child.pid, ECHILD);
    return status & 127 ? COTHREAD_SIGNALLED + (status & 127) : status >> 8;
}

int process_check(const void *object, cothread_handle handle, const struct wait *w, const void *memory)
{
    (void)w, (void)memory;
    const struct process *process = object;
    return process->forgotten ? fail(COTHREAD_EHANDLE, "handle %lld is stale: its process was closed", handle) : 0;
}

int process_try(struct scheduler *s, void *object, struct wait *w, void *memory)
{
    (void)s, (void)memory;
    struct process *process = object;
    int looked = process->state == RUNS ? look(process) : 0;
    return process->state == RUNS && looked == 0 ? WOULD_WAIT : outcome(process, w, looked);
}

struct wait_list *process_list(void *object, const struct wait *w)
{
    (void)w;
    return &((struct process *)object)->waiters;
}

static void release(struct scheduler *s, struct process *process)
{
    process->open = false;
    switch_call(s, CALL_RELEASE, process->child.watch, 0);
    system_child_forget(process->child.watch);
}

void process_ready(struct scheduler *s, void *object, uint32_t events)
{
    (void)events;
    struct process *process = object;
    int looked = process->state == RUNS ? look(process) : 0;
    if (process->state == RUNS && looked == 0) { /* a debugger, or somebody who takes its status this moment, is to be done first */
        if (s->host_polls)
            switch_call(s, CALL_DRAINED, process->child.watch, COTHREAD_READABLE);
        return;
    }
    struct wait *w;
    while ((w = process->waiters.first))
        wait_end(s, w, outcome(process, w, looked));
    if (process->forgotten) {
        release(s, process);
        slot_free(&s->handles, KIND_PROCESS, process);
    }
}

/* ---- Going ------------------------------------------------------------------------------------------------- */

int process_close(struct scheduler *s, void *object, cothread_handle handle)
{
    struct process *process = object;
    if (process->forgotten)
        return handle_error(&s->handles, KIND_PROCESS, handle);
    wait_end_all(s, &process->waiters, COTHREAD_ECLOSED);
    if (process->started && process->state == RUNS)
        look(process);
    if (process->started && process->state == RUNS) {
        process->forgotten = true;
        COUNT(s->handles.tables[KIND_PROCESS].living, -1);
        return 0;
    }
    release(s, process);
    object_free(&s->handles, KIND_PROCESS, process);
    return 0;
}

void process_free(struct scheduler *s, void *object)
{
    struct process *process = object;
    if (!process->open)
        return;
    if (process->started && process->state == RUNS)
        look(process);
    release(s, process);
}

void process_close_all(struct scheduler *s)
{
    const struct table *table = &s->handles.tables[KIND_PROCESS];
    for (uint32_t i = table->first; i < table->used; i++) {
        struct process *process = slot_at(&s->handles, KIND_PROCESS, i);
        if (process->open) {
            process->open = false;
            system_child_forget(process->child.watch);
        }
    }
}

void process_describe(const struct scheduler *s, const void *object, char *text, size_t size)
{
    (void)s;
    static const char *const states[] = {"running", "ended", "ended, its status unknown"};
    const struct process *process = object;
    snprintf(text, size, "%s %d, %s", process->thread ? "thread" : "pid", process->child.pid, states[process->state]);
}
