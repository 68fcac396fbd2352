/* tick.c - a tick half in plain C, so that the task half, the queue and the public names run without Go: under
 * ThreadSanitizer, which cannot follow Go's runtime, under valgrind, and on a processor that qemu imitates.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It is what capi/tick.h asks for and no more: poll(2) over what tasks wait for, one list of waits looked through
 * from end to end, and over an epoll set of adopted descriptors and those of the library's own. Not here, and answered with an
 * error: the descriptor and the list of a hosted scheduler. */
#define _GNU_SOURCE
#include "../../capi/tick.h"
#include "../../runtime/native/tick.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* A wait with a deadline or a descriptor. It is over when the task's number of waits has moved on. */
struct entry {
    struct wait *wait;
    uint32_t number;
    uint32_t order; /* equal deadlines are FIFO */
};

struct half {
    struct scheduler *scheduler;
    struct entry *waits; /* in the order in which they began */
    /* [0] is the eventfd, [1] the epoll set, [2 + i] belongs to waits[i]: fd -1 if it is for a deadline only */
    struct pollfd *polled;
    size_t count, room;
    uint32_t begun;
    int wake_fd;
    int edges; /* an epoll set of what is reported by handle, edge-triggered */
};

static struct half halves[SCHEDULER_NUMBERS + 1]; /* by number; each is used by its scheduler's thread only */

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * COTHREAD_SECOND + at.tv_nsec;
}

static bool waits(const struct entry *e)
{
    return e->wait->number == e->number && e->wait->task->state == TASK_WAITING;
}

/* One of several things that a task waits for has no deadline: the task's own wait has it. */
static int64_t deadline_of(const struct wait *wait)
{
    return wait->flags & WAIT_OF_ITEM ? COTHREAD_FOREVER : wait->task->deadline;
}

/* due notes what ends a wait. One for which there is no room goes on, and the next look finds it again. */
static void due(struct half *half, struct wait *wait, int reason, uint32_t events)
{
    struct shared *shared = &half->scheduler->shared;
    if (shared->due_count < DUE_CAPACITY)
        shared->due[shared->due_count++] = (struct due){.wait = wait, .reason = reason, .events = events, .number = wait->number};
}

/* arm takes up the tasks that were suspended with a deadline or a descriptor, and forgets the waits that are over. */
static void arm(struct half *half)
{
    struct shared *shared = &half->scheduler->shared;
    size_t kept = 0;
    for (size_t i = 0; i < half->count; i++)
        if (waits(&half->waits[i]))
            half->waits[kept++] = half->waits[i];
    half->count = kept;
    struct wait *wait = shared->armed_first;
    shared->armed_first = shared->armed_last = NULL;
    for (struct wait *next; wait; wait = next) {
        next = wait->armed_next;
        wait->flags &= (uint8_t)~WAIT_ARMED;
        if (!wait->task || wait->task->state != TASK_WAITING || (deadline_of(wait) == COTHREAD_FOREVER && !wait->events))
            continue;
        if (half->count == half->room) {
            half->room = half->room ? 2 * half->room : 64;
            half->waits = realloc(half->waits, half->room * sizeof *half->waits);
            half->polled = realloc(half->polled, (2 + half->room) * sizeof *half->polled);
            if (!half->waits || !half->polled)
                abort();
        }
        half->waits[half->count++] = (struct entry){wait, wait->number, half->begun++};
    }
}

static void interrupt_main(struct half *half)
{
    struct task *main = half->scheduler->shared.main;
    if (main && atomic_load(&half->scheduler->shared.interrupted) && main->state == TASK_WAITING)
        due(half, &main->wait, COTHREAD_EINTR, 0);
}

static bool ready(struct half *half)
{
    const struct shared *shared = &half->scheduler->shared;
    return atomic_load(&shared->arrived) || shared->now_first || shared->next_first || shared->host.first || shared->due_count ||
           queue_pending(&half->scheduler->queue);
}

static int64_t nearest(struct half *half)
{
    int64_t deadline = COTHREAD_FOREVER;
    for (size_t i = 0; i < half->count; i++)
        if (waits(&half->waits[i]) && deadline_of(half->waits[i].wait) < deadline)
            deadline = deadline_of(half->waits[i].wait);
    return deadline;
}

/* sleepy sets the flag that has the next post write the eventfd; false: something is pending already. See queue.h. */
static bool sleepy(struct queue *queue)
{
    uint64_t head = atomic_load(&queue->head);
    return (atomic_fetch_or(&queue->tail, QUEUE_SLEEPING) & QUEUE_TICKET) == head;
}

/* report makes due what the epoll set has, as far as there is room: the next look finds the rest. Its bits are those of poll(2). */
static void report(struct half *half)
{
    struct shared *shared = &half->scheduler->shared;
    struct epoll_event events[64];
    int room = (int)(DUE_CAPACITY - shared->due_count), count = room ? epoll_wait(half->edges, events, room < 64 ? room : 64, 0) : 0;
    for (int i = 0; i < count; i++)
        shared->due[shared->due_count++] = (struct due){.object = (cothread_handle)events[i].data.u64, .events = events[i].events};
}

static bool look(struct half *half, int64_t deadline)
{
    struct timespec timeout = {0, 0};
    bool interrupted = false;
    if (deadline != COTHREAD_NOW && deadline != COTHREAD_FOREVER) {
        int64_t at = now(), left = deadline > at ? deadline - at : 0;
        timeout = (struct timespec){left / COTHREAD_SECOND, left % COTHREAD_SECOND};
    }
    half->polled[0] = (struct pollfd){.fd = half->wake_fd, .events = POLLIN};
    half->polled[1] = (struct pollfd){.fd = half->edges, .events = POLLIN};
    for (size_t i = 0; i < half->count; i++) {
        const struct wait *wait = half->waits[i].wait;
        half->polled[2 + i] = (struct pollfd){.fd = wait->events ? wait->fd : -1, .events = (short)wait->events};
    }
    int found = ppoll(half->polled, 2 + half->count, deadline == COTHREAD_FOREVER ? NULL : &timeout, NULL);
    if (found < 0) {
        interrupted = true;
        found = 0;
    }
    if (found && half->polled[0].revents) {
        uint64_t writes;
        if (read(half->wake_fd, &writes, sizeof writes) < 0)
            abort(); /* it was readable, and nobody else reads it */
    }
    for (size_t i = 0; found && i < half->count; i++) {
        uint32_t events = (uint16_t)half->polled[2 + i].revents;
        if (events & POLLNVAL)
            due(half, half->waits[i].wait, COTHREAD_EBADF, 0);
        else if (events)
            due(half, half->waits[i].wait, 0, events);
    }
    if (found && half->polled[1].revents)
        report(half);
    return interrupted;
}

static int by_deadline(const void *a, const void *b)
{
    const struct entry *first = a, *second = b;
    int64_t left = deadline_of(first->wait), right = deadline_of(second->wait);
    if (left != right)
        return left < right ? -1 : 1;
    return first->order < second->order ? -1 : 1;
}

/* expire makes the waits due whose deadline has passed, in the order of deadlines; equal ones are FIFO. */
static void expire(struct half *half)
{
    int64_t at = now();
    struct entry *passed = malloc((half->count + 1) * sizeof *passed);
    size_t count = 0, armed = 0;
    if (!passed)
        abort();
    for (size_t i = 0; i < half->count; i++) {
        if (!waits(&half->waits[i]))
            continue;
        if (deadline_of(half->waits[i].wait) <= at)
            passed[count++] = half->waits[i];
        else if (deadline_of(half->waits[i].wait) != COTHREAD_FOREVER)
            armed++;
    }
    atomic_store_explicit(&half->scheduler->shared.timers_armed, armed, memory_order_relaxed);
    qsort(passed, count, sizeof *passed, by_deadline);
    for (size_t i = 0; i < count; i++)
        due(half, passed[i].wait, COTHREAD_ETIMEDOUT, 0);
    free(passed);
}

/* gather collects what the next tick begins with; if nothing is ready it waits for it, at most until `limit`. */
static bool gather(struct half *half, int64_t limit)
{
    struct shared *shared = &half->scheduler->shared;
    struct queue *queue = &half->scheduler->queue;
    bool interrupted = false;
    arm(half);
    interrupt_main(half);
    if (limit != COTHREAD_NOW && !ready(half)) {
        int64_t until = nearest(half) < limit ? nearest(half) : limit;
        if (!sleepy(queue) || atomic_load(&shared->interrupted) || atomic_load(&shared->arrived))
            until = COTHREAD_NOW;
        else
            atomic_fetch_add_explicit(&shared->sleeps, 1, memory_order_relaxed);
        interrupted = look(half, until);
        atomic_fetch_and(&queue->tail, ~QUEUE_SLEEPING);
        interrupt_main(half);
    } else {
        interrupted = look(half, COTHREAD_NOW);
    }
    atomic_fetch_add_explicit(&shared->polls, 1, memory_order_relaxed);
    expire(half);
    uint64_t pending = queue_pending(queue);
    shared->callback_quota = pending < shared->callback_budget ? (uint32_t)pending : shared->callback_budget;
    return interrupted;
}

static void run(struct half *half, bool begin)
{
    struct scheduler *s = half->scheduler;
    if (begin)
        atomic_fetch_add_explicit(&s->shared.ticks, 1, memory_order_relaxed);
    tick_run(s, begin);
    while (s->shared.stop == STOP_CALL) {
        tickCall(s->handles.number);
        tick_run(s, false);
    }
}

/* ---- capi/tick.h ---------------------------------------------------------------------------------------------- */

int tickCreate(uint32_t number, void *queue, void *scheduler, int hostPolls, int *systemError)
{
    (void)queue;
    *systemError = ENOSYS;
    if (hostPolls)
        return COTHREAD_ESYSTEM; /* not here */
    struct half *half = &halves[number];
    half->scheduler = scheduler;
    half->count = 0;
    half->room = 64;
    half->waits = malloc(half->room * sizeof *half->waits);
    half->polled = malloc((2 + half->room) * sizeof *half->polled);
    half->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    half->edges = epoll_create1(EPOLL_CLOEXEC);
    if (half->wake_fd >= 0 && half->edges >= 0 && half->waits && half->polled)
        return half->wake_fd;
    tickRelease(number);
    return COTHREAD_ELIMIT;
}

void tickRelease(uint32_t number)
{
    struct half *half = &halves[number];
    free(half->waits);
    free(half->polled);
    if (half->wake_fd >= 0)
        close(half->wake_fd);
    if (half->edges >= 0)
        close(half->edges);
    half->waits = NULL;
    half->polled = NULL;
}

int tickDrive(uint32_t number)
{
    struct half *half = &halves[number];
    struct shared *shared = &half->scheduler->shared;
    for (shared->stop = STOP_DONE; shared->stop != STOP_MAIN;) {
        bool begin = shared->now_first == NULL;
        if (begin)
            gather(half, COTHREAD_FOREVER);
        run(half, begin);
    }
    if (shared->main->reason == COTHREAD_EINTR) /* else something came before it, and it ends the next wait */
        atomic_store(&shared->interrupted, 0);
    return 0;
}

int tickPoll(uint32_t number, int64_t deadline)
{
    struct half *half = &halves[number];
    struct shared *shared = &half->scheduler->shared;
    for (int round = 0; round < 1000; round++) {
        bool interrupted = gather(half, deadline);
        run(half, true);
        if (shared->host.first || shared->posted_count || interrupted || atomic_exchange(&shared->interrupted, 0) ||
            (deadline != COTHREAD_FOREVER && deadline <= now()))
            break;
    }
    arm(half);
    return 0;
}

int tickDrain(uint32_t number, int64_t deadline, uint64_t host_tasks)
{
    struct half *half = &halves[number];
    struct shared *shared = &half->scheduler->shared;
    int64_t limit = COTHREAD_NOW;
    for (;;) {
        shared->interrupted = 0;
        gather(half, limit);
        run(half, true);
        limit = COTHREAD_NOW;
        if (queue_pending(&half->scheduler->queue))
            continue;
        bool idle = !shared->next_first && !shared->due_count;
        if ((idle && shared->living <= host_tasks) || (deadline != COTHREAD_FOREVER && deadline <= now()))
            return 0;
        if (idle)
            limit = deadline;
    }
}

/* add has a descriptor reported under a handle: whatever it is ready for, or only what there is to read. */
static int add(struct half *half, int fd, cothread_handle object, uint32_t wanted)
{
    struct epoll_event event = {.events = wanted | EPOLLET, .data.u64 = (uint64_t)object};
    arm(half);
    for (size_t i = 0; i < half->count; i++)
        if (half->waits[i].wait->events && half->waits[i].wait->fd == fd && waits(&half->waits[i]))
            return COTHREAD_EBUSY;
    if (epoll_ctl(half->edges, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    half->scheduler->shared.call_b = errno;
    switch (errno) {
    case EEXIST: return COTHREAD_EEXIST;
    case EPERM: return COTHREAD_EINVAL;
    case EBADF: return COTHREAD_EBADF;
    case ENOMEM:
    case ENOSPC: return COTHREAD_ELIMIT;
    default: return COTHREAD_ESYSTEM;
    }
}

int tickCall(uint32_t number)
{
    struct half *half = &halves[number];
    struct shared *shared = &half->scheduler->shared;
    shared->call_result = 0;
    switch (shared->call_operation) {
    case CALL_ADOPT:
        shared->call_result = add(half, (int)shared->call_a, shared->call_b, EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP);
        return 0;
    case CALL_SOURCE: shared->call_result = add(half, (int)shared->call_a, shared->call_b, EPOLLIN); return 0;
    case CALL_RELEASE: epoll_ctl(half->edges, EPOLL_CTL_DEL, (int)shared->call_a, NULL); return 0;
    case CALL_WAKE_FD: break;
    default: return 0; /* CALL_DRAINED: the system sees the next edge by itself */
    }
    arm(half);
    for (size_t i = 0; i < half->count; i++) {
        struct wait *wait = half->waits[i].wait;
        if (wait->events && wait->fd == shared->call_a && waits(&half->waits[i])) {
            if (shared->due_count == DUE_CAPACITY)
                tick_deliver(half->scheduler);
            due(half, wait, COTHREAD_ECLOSED, 0);
            shared->call_result++;
        }
    }
    return 0;
}

int tickSettle(uint32_t number)
{
    arm(&halves[number]);
    return 0;
}

int tickPollFD(uint32_t number)
{
    (void)number;
    return COTHREAD_ESYSTEM;
}

int64_t tickNextDeadline(uint32_t number)
{
    arm(&halves[number]);
    return ready(&halves[number]) ? COTHREAD_NOW : nearest(&halves[number]);
}

int tickPollList(uint32_t number, void *list, int capacity)
{
    (void)number, (void)list, (void)capacity;
    return COTHREAD_ESYSTEM;
}

int tickPollDeliver(uint32_t number, void *list, int count)
{
    (void)number, (void)list, (void)count;
    return COTHREAD_ESYSTEM;
}

void tickFault(uint32_t number, char *text, int size)
{
    (void)number;
    if (size > 0)
        text[0] = 0;
}
