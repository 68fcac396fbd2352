/* crowd.c - what a task costs in a crowd: 10, 1 000 and 100 000 of them wait for one thing.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A crowd has a scheduler of its own: its tasks are spawned, all wait, their waits end in one way,
 * and all tasks end. That is the cost, in CPU of its thread; where destroy ends the waits it counts
 * too. q(N) is the cost per task of a crowd of N, divided by that of N tasks which each wait for a
 * deadline of their own. A figure is q(100 000) / q(1 000): about 1 if a wait costs the same in any
 * crowd, about 100 if each looks at all the others.
 *
 *   crowd [ROW]   every row, or those whose names begin with ROW. With QS set each q is printed too.
 */
#define _GNU_SOURCE
#define PEER "ours"
#include "measure.h"
#include <cothread.h>
#include <stdbool.h>
#include <sys/eventfd.h>

static int64_t checked(int64_t result, const char *call) {
    if (result < 0) {
        fprintf(stderr, "crowd: %s: %s (%s)\n", call, cothread_strerror((int)result), cothread_last_error());
        exit(1);
    }
    return result;
}
#define CHECKED(call) checked((call), #call)

enum ending { WAKE, TIME_OUT, CANCEL, CLOSE, DESTROY, WITHDRAW, FINISH, ENDINGS };
static const char *const ending_names[] = {"wake", "timeout", "cancel", "close", "destroy", "withdraw", "finish"};
#define ENDS_BY(ending) (1u << (ending))
#define EVERY_WAIT (ENDS_BY(WAKE) | ENDS_BY(TIME_OUT) | ENDS_BY(CANCEL) | ENDS_BY(DESTROY))

/* What a crowd waits for. */
struct kind {
    const char *name;
    void (*open)(void);
    int64_t (*wait)(int64_t deadline, long number); /* of each task */
    void (*wake)(void);
    void (*close)(void);
    unsigned endings;
    int host_operation;    /* in place of wait: the tasks are the host's */
    uint32_t stack_size;   /* 0: the default */
    uint32_t callback_bound;
};

static const struct kind *kind;
static enum ending ending;
static long count, waiting, ended;
static cothread_handle scheduler, object, gate, *tasks;
static int64_t crowd_deadline;
static int descriptor;

/* Each number below count once: in an order that has nothing to do with the one in which they
 * came, */
static long shuffled(long i) {
    return i * 7919 % count;
}

/* and so that half of them are always between one and the front, or the back. In neighbourly
 * order: a jump to other memory for each would be the machine's cost, and not the crowd's. */
static long from_the_middle(long i) {
    return (i + count / 2) % count;
}

/* ---- The kinds: what is waited for ----------------------------------------------------------- */

static void signal_each(void) {
    for (long i = 0; i < count; i++)
        CHECKED(cothread_event_signal(object, NULL));
}

static void close_object(void) {
    CHECKED(cothread_close(object));
}

static int64_t sleep_alone(int64_t deadline, long number) {
    int64_t rc = cothread_sleep_until(deadline + shuffled(number));
    return rc == 0 ? COTHREAD_ETIMEDOUT : rc;
}

static void nothing(void) {
}

static void open_event(void) {
    object = CHECKED(cothread_event_create(0));
}

static int64_t wait_for_event(int64_t deadline, long number) {
    (void)number;
    return cothread_event_wait(object, NULL, deadline);
}

static void open_manual_event(void) {
    object = CHECKED(cothread_event_create(COTHREAD_MANUAL_RESET));
}

static void signal_once(void) {
    CHECKED(cothread_event_signal(object, NULL));
}

static void open_channel(void) {
    object = CHECKED(cothread_channel_create(16, 0, 0));
}

static int64_t receive(int64_t deadline, long number) {
    char element[16];
    (void)number;
    return cothread_channel_receive(object, element, deadline);
}

static void send_each(void) {
    char element[16] = "";
    for (long i = 0; i < count; i++)
        CHECKED(cothread_channel_send(object, element, COTHREAD_FOREVER));
}

static int64_t send_one(int64_t deadline, long number) {
    char element[16] = "";
    (void)number;
    return cothread_channel_send(object, element, deadline);
}

static void receive_each(void) {
    char element[16];
    for (long i = 0; i < count; i++)
        CHECKED(cothread_channel_receive(object, element, COTHREAD_FOREVER));
}

static void open_mutex(void) {
    object = CHECKED(cothread_mutex_create(0));
    CHECKED(cothread_mutex_lock(object, COTHREAD_FOREVER));
}

static int64_t lock_and_unlock(int64_t deadline, long number) {
    int64_t rc = cothread_mutex_lock(object, deadline);
    (void)number;
    if (rc >= 0)
        CHECKED(cothread_mutex_unlock(object));
    return rc;
}

static int64_t lock_and_end(int64_t deadline, long number) {
    (void)number;
    return cothread_mutex_lock(object, deadline);
}

static void unlock(void) {
    CHECKED(cothread_mutex_unlock(object));
}

static void open_semaphore(void) {
    object = CHECKED(cothread_semaphore_create(0, 0));
}

static int64_t acquire(int64_t deadline, long number) {
    (void)number;
    return cothread_semaphore_acquire(object, deadline);
}

static void release_all(void) {
    CHECKED(cothread_semaphore_release(object, (uint32_t)count));
}

/* A task that ends when the gate is signalled. */
static void *pass_gate(void *unused) {
    cothread_event_wait(gate, NULL, COTHREAD_FOREVER);
    return unused;
}

static cothread_handle spawn_gate(void) {
    gate = CHECKED(cothread_event_create(0));
    return CHECKED(cothread_spawn(pass_gate, NULL, NULL));
}

static void open_gate(void) {
    CHECKED(cothread_event_signal(gate, NULL));
}

static void open_join(void) {
    object = spawn_gate();
}

static int64_t join(int64_t deadline, long number) {
    (void)number;
    return cothread_join(object, NULL, deadline);
}

static void open_group(void) {
    object = CHECKED(cothread_group_create(0));
    CHECKED(cothread_group_add(object, spawn_gate()));
}

static int64_t wait_for_all(int64_t deadline, long number) {
    (void)number;
    return cothread_group_wait(object, 0, deadline);
}

static int64_t wait_for_a_number(int64_t deadline, long number) {
    return cothread_group_wait(object, (uint32_t)(1 + shuffled(number)), deadline);
}

static void *empty_task(void *unused) {
    return unused;
}

/* The group of the gate counts an end at a time. */
static void end_one_by_one(void) {
    for (long i = 0; i < count; i++) {
        cothread_handle task = CHECKED(cothread_spawn(empty_task, NULL, NULL));
        CHECKED(cothread_yield());
        CHECKED(cothread_group_add(object, task));
    }
    open_gate();
}

/* Members of a group, each waiting for an event that all share. */
static cothread_handle members_event;

static void open_members(void) {
    object = CHECKED(cothread_group_create(0));
    members_event = CHECKED(cothread_event_create(0));
}

static int64_t join_the_group(int64_t deadline, long number) {
    (void)number;
    CHECKED(cothread_group_add(object, cothread_self()));
    return cothread_event_wait(members_event, NULL, deadline);
}

static void end_each_member(void) {
    for (long i = 1; i <= count; i++) {
        CHECKED(cothread_event_signal(members_event, NULL));
        CHECKED(cothread_group_wait(object, (uint32_t)i, COTHREAD_FOREVER));
    }
}

static void cancel_again_and_again(void) {
    for (long i = 0; i < count; i++) {
        CHECKED(cothread_group_cancel(object));
        if (i == 0)
            CHECKED(cothread_yield());
    }
    CHECKED(cothread_close(object));
}

static void open_descriptor(void) {
    if ((descriptor = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC)) < 0)
        give_up_errno("eventfd");
}

static void take_unit(void) {
    uint64_t unit;
    if (read(descriptor, &unit, sizeof unit) != sizeof unit)
        give_up("a task was woken for nothing");
}

static int64_t wait_for_descriptor(int64_t deadline, long number) {
    int64_t rc = cothread_wait_fd(descriptor, COTHREAD_READABLE, deadline);
    (void)number;
    if (rc >= 0)
        take_unit();
    return rc;
}

static void fill_descriptor(void) {
    uint64_t units = (uint64_t)count;
    if (write(descriptor, &units, sizeof units) != sizeof units)
        give_up_errno("write");
}

static void wake_descriptor(void) {
    if (CHECKED(cothread_wake_fd(descriptor)) != count)
        give_up("wake_fd did not end every wait");
}

static void adopt_descriptor(void) {
    open_descriptor();
    object = CHECKED(cothread_adopt(descriptor, 0));
}

static int64_t read_unit(int64_t deadline, long number) {
    uint64_t unit;
    (void)number;
    return cothread_read(object, &unit, sizeof unit, deadline);
}

static int64_t wait_until_ready(int64_t deadline, long number) {
    (void)number;
    return cothread_wait_ready(object, COTHREAD_READABLE, deadline);
}

static void close_adopted(void) {
    close_object();
    descriptor = -1;
}

static void callback(void *unused) {
    (void)unused;
}

static void fill_queue(void) {
    for (uint32_t i = 0; i < kind->callback_bound; i++)
        CHECKED(cothread_post(scheduler, callback, NULL, COTHREAD_NOW));
}

static int64_t post(int64_t deadline, long number) {
    (void)number;
    return cothread_post(scheduler, callback, NULL, deadline);
}

/* Each task has objects of its own; they are closed in another order than they were made. */
static int64_t wait_with_a_mailbox(int64_t deadline, long number) {
    cothread_handle mailbox = CHECKED(cothread_mailbox_create(callback, 0, 0));
    int64_t rc = wait_for_event(deadline, number);
    CHECKED(cothread_close(mailbox));
    return rc;
}

/* Half of the descriptors are non-blocking before they are adopted. */
static int64_t wait_with_a_descriptor(int64_t deadline, long number) {
    int fd = eventfd(0, EFD_CLOEXEC | (number & 1 ? EFD_NONBLOCK : 0));
    cothread_handle adopted = CHECKED(cothread_adopt(fd, 0));
    int64_t rc = wait_for_event(deadline, number);
    CHECKED(cothread_close(adopted));
    return rc;
}

/* Whoever waits for a deadline of its own; with which the rows are compared. */
static const struct kind alone = {.name = "alone", .wait = sleep_alone};
static const struct kind alone_on_a_large_stack = {.name = "large_alone", .wait = sleep_alone, .stack_size = 16 << 20};
static const struct kind host_alone = {.name = "host_alone", .host_operation = COTHREAD_WAIT};

/* What the library's own sleep costs is no part of a crowd's cost: the deadlines pass while this
 * thread is away. */
static void sleep_past_the_deadlines(void) {
    int64_t until = crowd_deadline + count;
    struct timespec time = {until / COTHREAD_SECOND, until % COTHREAD_SECOND};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0)
        ;
}

/* ---- Tasks of the library's ------------------------------------------------------------------ */

static int64_t reason_of(enum ending how) {
    switch (how) {
    case WAKE: return 0;
    case TIME_OUT: return COTHREAD_ETIMEDOUT;
    case CLOSE: return COTHREAD_ECLOSED;
    default: return COTHREAD_ECANCELED;
    }
}

static void *member(void *number) {
    int64_t rc, wanted = reason_of(ending);
    waiting++;
    rc = kind->wait(crowd_deadline, (long)(intptr_t)number);
    if (rc < 0 ? rc != wanted : wanted != 0)
        give_up("a wait ended for another reason than wanted");
    ended++;
    return NULL;
}

static void run_native(void) {
    cothread_task_options options = {
        .size = sizeof options, .flags = COTHREAD_DETACHED, .stack_size = kind->stack_size, .name = "one of many"};
    if (kind->wait == join_the_group)
        options.flags = 0;
    for (long i = 0; i < count; i++)
        tasks[i] = CHECKED(cothread_spawn(member, (void *)(intptr_t)i, &options));
    while (waiting < count)
        CHECKED(cothread_yield());
    switch (ending) {
    case WAKE: kind->wake(); break;
    case CLOSE: kind->close(); break;
    case TIME_OUT: sleep_past_the_deadlines(); break;
    case CANCEL:
        if (kind->wait == join_the_group)
            cancel_again_and_again();
        else
            for (long i = 0; i < count; i++)
                CHECKED(cothread_cancel(tasks[from_the_middle(i)]));
        break;
    default: break;
    }
    if (ending == DESTROY)
        return;
    while (ended < count)
        CHECKED(cothread_yield());
}

/* ---- Tasks of a host ------------------------------------------------------------------------- */

static cothread_ring *ring;
static char (*elements)[16];

static void take_batch(int64_t deadline) {
    CHECKED(cothread_poll_scheduler(deadline));
    for (int64_t i = 0; i < ring->ready_count; i++) {
        if (ring->ready[i].reason != reason_of(ending))
            give_up("a host task's wait ended for another reason than wanted");
        ended++;
    }
}

static void request(cothread_request request) {
    if (ring->request_count == ring->capacity)
        CHECKED(cothread_submit());
    ring->requests[ring->request_count++] = request;
}

static void request_each(int operation) {
    for (long i = 0; i < count; i++)
        request((cothread_request){.task = tasks[from_the_middle(i)], .operation = operation, .fd = -1});
    CHECKED(cothread_submit());
}

static void run_hosted(void) {
    for (long i = 0; i < count; i++) {
        cothread_request wait = {.operation = kind->host_operation,
                                 .fd = -1,
                                 .deadline = crowd_deadline + (kind == &host_alone ? shuffled(i) : 0),
                                 .object = object,
                                 .value = (int64_t)(intptr_t)elements[i]};
        wait.task = tasks[i] = CHECKED(cothread_host_create((uint64_t)i, "one of many", 0));
        if (descriptor >= 0)
            wait.fd = descriptor, wait.object = COTHREAD_READABLE;
        request(wait);
    }
    CHECKED(cothread_submit());
    take_batch(COTHREAD_NOW);
    if (ended != 0 && crowd_deadline == COTHREAD_FOREVER)
        give_up("a host task did not wait");
    switch (ending) {
    case WAKE: kind->wake(); break;
    case CLOSE: kind->close(); break;
    case TIME_OUT: sleep_past_the_deadlines(); break;
    case CANCEL:
        for (long i = 0; i < count; i++)
            CHECKED(cothread_cancel(tasks[from_the_middle(i)]));
        break;
    case WITHDRAW: request_each(COTHREAD_WITHDRAW); break;
    case FINISH: request_each(COTHREAD_FINISH); return;
    default: break;
    }
    if (ending != DESTROY && ending != WITHDRAW)
        while (ended < count)
            take_batch(COTHREAD_FOREVER);
    if (ending != DESTROY)
        request_each(COTHREAD_FINISH);
}

/* ---- The rows -------------------------------------------------------------------------------- */

#define CLOSES (EVERY_WAIT | ENDS_BY(CLOSE))
#define OF_A_HOST (CLOSES | ENDS_BY(WITHDRAW) | ENDS_BY(FINISH))

static const struct kind kinds[] = {
    {"event", open_event, wait_for_event, signal_each, close_object, CLOSES, 0, 0, 0},
    {"manual_event", open_manual_event, wait_for_event, signal_once, close_object, ENDS_BY(WAKE), 0, 0, 0},
    {"receive", open_channel, receive, send_each, close_object, CLOSES, 0, 0, 0},
    {"send", open_channel, send_one, receive_each, close_object, CLOSES, 0, 0, 0},
    {"mutex", open_mutex, lock_and_unlock, unlock, NULL, EVERY_WAIT, 0, 0, 0},
    {"abandoned_mutex", open_mutex, lock_and_end, unlock, NULL, ENDS_BY(WAKE), 0, 0, 0},
    {"semaphore", open_semaphore, acquire, release_all, close_object, CLOSES, 0, 0, 0},
    {"join", open_join, join, open_gate, NULL, EVERY_WAIT, 0, 0, 0},
    {"group_all", open_group, wait_for_all, open_gate, close_object, CLOSES, 0, 0, 0},
    {"group_some", open_group, wait_for_a_number, end_one_by_one, close_object, CLOSES, 0, 0, 0},
    {"group_members", open_members, join_the_group, end_each_member, NULL, EVERY_WAIT, 0, 0, 0},
    {"fd", open_descriptor, wait_for_descriptor, fill_descriptor, wake_descriptor, CLOSES, 0, 0, 0},
    {"read", adopt_descriptor, read_unit, fill_descriptor, close_adopted, CLOSES, 0, 0, 0},
    {"ready", adopt_descriptor, wait_until_ready, fill_descriptor, close_adopted, CLOSES, 0, 0, 0},
    {"room", fill_queue, post, nothing, NULL, ENDS_BY(WAKE), 0, 0, 64},
    {"mailboxes", open_event, wait_with_a_mailbox, signal_each, close_object, ENDS_BY(WAKE) | ENDS_BY(CANCEL), 0, 0, 0},
    {"adopted", open_event, wait_with_a_descriptor, signal_each, close_object, ENDS_BY(WAKE) | ENDS_BY(CANCEL), 0, 0, 0},
    {"large_stacks", open_event, wait_for_event, signal_each, close_object, ENDS_BY(WAKE), 0, 16 << 20, 0},
    {"host_event", open_event, NULL, signal_each, close_object, OF_A_HOST, COTHREAD_WAIT_EVENT, 0, 0},
    {"host_receive", open_channel, NULL, send_each, close_object, OF_A_HOST, COTHREAD_WAIT_RECEIVE, 0, 0},
    {"host_semaphore", open_semaphore, NULL, release_all, close_object, OF_A_HOST, COTHREAD_WAIT_ACQUIRE, 0, 0},
    {"host_fd", open_descriptor, NULL, NULL, wake_descriptor, OF_A_HOST & ~ENDS_BY(WAKE), COTHREAD_WAIT, 0, 0},
};

static void create_crowd(void) {
    cothread_options options = {.size = sizeof options, .callback_bound = kind->callback_bound};
    if (kind->host_operation)
        options.flags = COTHREAD_HOSTED;
    waiting = ended = 0;
    descriptor = -1;
    scheduler = CHECKED(cothread_create(&options));
    if (kind->host_operation)
        ring = cothread_host_ring();
}

static void run_crowd(void) {
    crowd_deadline = COTHREAD_FOREVER;
    if (ending == TIME_OUT) /* none but the smallest crowds begins to wait after that */
        crowd_deadline = cothread_after(COTHREAD_MILLISECOND + count * 10 * COTHREAD_MICROSECOND);
    if (kind->open)
        kind->open();
    if (kind->host_operation)
        run_hosted();
    else
        run_native();
}

static void destroy_crowd(void) {
    int unfinished = (int)CHECKED(cothread_destroy(scheduler, COTHREAD_FOREVER));
    if (unfinished != (ending == DESTROY && kind->host_operation ? count : 0))
        give_up("destroy did not end every task");
    if (descriptor >= 0 && kind->open != adopt_descriptor)
        close(descriptor);
}

/* The thread's: Go's monitor thread runs on while the deadlines are slept through. */
static int64_t thread_cpu_ns(void) {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Of one task, in ns: the mean over up to 20 000 tasks, or over one crowd if that has more. */
struct cost {
    double until_all_ended, with_destroy;
};

static struct cost cost_of(const struct kind *of, enum ending how, long size) {
    long times = size >= 20000 ? 1 : 20000 / size < 200 ? 20000 / size : 200;
    int64_t until_all_ended = 0, with_destroy = 0;
    kind = of;
    ending = how;
    count = size;
    for (long i = 0; i < times; i++) {
        int64_t created, ended_at;
        create_crowd();
        created = thread_cpu_ns();
        run_crowd();
        ended_at = thread_cpu_ns();
        destroy_crowd();
        until_all_ended += ended_at - created;
        with_destroy += thread_cpu_ns() - created;
    }
    return (struct cost){(double)until_all_ended / (double)(size * times), (double)with_destroy / (double)(size * times)};
}

/* ---- Figures --------------------------------------------------------------------------------- */

enum { SIZES = 3 };

static const struct kind *control_of(const struct kind *row) {
    return row->host_operation ? &host_alone : row->stack_size ? &alone_on_a_large_stack : &alone;
}

static long size_of(int n) {
    static const long sizes[SIZES] = {10, 1000, 100000};
    return sizes[n];
}

static struct cost control[SIZES];

/* Shortly before the rows that are compared with it: the machine's mood lasts longer than a row. */
static void measure_control(const struct kind *row) {
    for (int n = 0; n < SIZES; n++)
        control[n] = cost_of(control_of(row), TIME_OUT, size_of(n));
}

/* A crowd in which each has a descriptor is as large as the process may have. */
static long crowd_size(const struct kind *row, int n) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    long descriptors = (long)limit.rlim_cur - 100;
    return row->wait == wait_with_a_descriptor && size_of(n) > descriptors ? descriptors : size_of(n);
}

static double q(const struct kind *row, enum ending how, int n) {
    struct cost cost = cost_of(row, how, crowd_size(row, n));
    double q = how == DESTROY ? cost.with_destroy / control[n].with_destroy : cost.until_all_ended / control[n].until_all_ended;
    if (getenv("QS") != NULL)
        fprintf(stderr, "%s_%s %ld: %.0f ns a task, q %.2f\n", row->name, ending_names[how], count,
                how == DESTROY ? cost.with_destroy : cost.until_all_ended, q);
    return q;
}

static double growth(const struct kind *row, enum ending how) {
    double qs[SIZES];
    for (int n = 0; n < SIZES; n++)
        qs[n] = q(row, how, n);
    return qs[2] / qs[1];
}

/* Other programs add to a cost by what they take of caches and memory, up to fourfold on a busy
 * machine, and never take from it. So what is over the bar is measured again, beside controls of
 * its own, and the smallest counts: a cost that really grows with the crowd does so each time. */
static double smallest_growth(const struct kind *row, enum ending how) {
    double smallest = growth(row, how);
    for (int i = 0; i < 4 && smallest > 2; i++) {
        double again;
        measure_control(row);
        again = growth(row, how);
        smallest = again < smallest ? again : smallest;
    }
    return smallest;
}

static void measure(const struct kind *row) {
    measure_control(row);
    for (enum ending how = 0; how < ENDINGS; how++)
        if (row->endings & ENDS_BY(how)) {
            char metric[64];
            snprintf(metric, sizeof metric, "crowd_%s_%s", row->name, ending_names[how]);
            report(metric, smallest_growth(row, how), "x");
        }
}

int main(int argc, char **argv) {
    const char *prefix = argc > 1 ? argv[1] : "";
    allow_many_descriptors();
    tasks = calloc((size_t)size_of(SIZES - 1), sizeof *tasks);
    elements = calloc((size_t)size_of(SIZES - 1), sizeof *elements);
    if (tasks == NULL || elements == NULL)
        give_up_errno("calloc");
    cost_of(&alone, TIME_OUT, size_of(SIZES - 1)); /* memory that the process touches for the first time */
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strncmp(kinds[k].name, prefix, strlen(prefix)) == 0)
            measure(&kinds[k]);
    return 0;
}
