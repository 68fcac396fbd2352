/* A host task waits for each kind of item: for what has happened, and for what happens later; alone, among one of every other
 * kind, of which nothing is taken, and twice: a condition is told twice, and what takes takes once. It does so in each way in
 * which a host waits, in the library, for its descriptor, and in poll(2), and forks children meanwhile; and all that once more
 * while signals interrupt it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alarms.h"
#include "list_host.h"
#include "process.h"
#include "watch.h"

#include <semaphore.h>

static cothread_handle host, other_host, mutex, go[2], tasks[2], group, started[2], ended[2];
static cothread_handle events[2], channels[2], semaphore, timer, signal_object, watch, adopted, connection;
static int by_number[2], pair[2], peer[2], until_end[2];
static long element, sent = 7;
static sem_t thread_may_end, call_may_end;
static pthread_t thread;
static _Atomic int tid;
static int watches_threads = 1; /* this kernel does */

/* ---- One of each kind --------------------------------------------------------------------------------------------- */

enum { FD, READY, TASK, GROUP, EVENT, MANUAL, RECEIVE, SEND, ACQUIRE, LOCK, TIMER, SIGNAL, FILE_CHANGE, PROCESS, THREAD, JOB, CONNECTION, KINDS };
static cothread_item items[KINDS];

static void *member_ends(void *event) {
    expect(cothread_event_wait(*(cothread_handle *)event, NULL, COTHREAD_FOREVER), 0);
    return (void *)5;
}

static void *thread_ends(void *unused) {
    tid = gettid();
    while (sem_wait(&thread_may_end) != 0)
        ;
    return unused;
}

static int call(void) {
    while (sem_wait(&call_may_end) != 0)
        ;
    errno = EDOM;
    return 42;
}

static void begin_task(void) {
    tasks[0] = spawn(member_ends, &go[0]);
    items[TASK] = (cothread_item){.kind = COTHREAD_ITEM_TASK, .object = tasks[0]};
}

static void begin_member(void) {
    group = handle(cothread_group_create(0));
    expect(cothread_group_add(group, spawn(member_ends, &go[1])), 0);
    items[GROUP] = (cothread_item){.kind = COTHREAD_ITEM_GROUP, .object = group, .want = 1};
}

static void begin_process(void) {
    expect(pipe2(until_end, O_CLOEXEC), 0);
    started[0] = start(SH("read line; exit 3"), .descriptors = (cothread_process_descriptor[]){{0, until_end[0]}}, .descriptor_count = 1);
    close(until_end[0]);
    items[PROCESS] = (cothread_item){.kind = COTHREAD_ITEM_PROCESS, .object = started[0]};
}

static void begin_thread(void) {
    cothread_handle watched;
    tid = 0;
    expect(pthread_create(&thread, NULL, thread_ends, NULL), 0);
    while (!tid)
        usleep(100);
    watched = cothread_thread_open(tid);
    if (watched == COTHREAD_ESYSTEM && errno == EINVAL)
        watches_threads = 0;
    started[1] = watches_threads ? handle(watched) : 0;
    items[THREAD] = (cothread_item){.kind = COTHREAD_ITEM_PROCESS, .object = started[1]};
}

static void begin_job(void) {
    cothread_job job = {.size = sizeof job, .function = (cothread_job_function)call, .type = COTHREAD_TYPE_INT};
    ended[0] = handle(cothread_job_start(0, &job, COTHREAD_NOW));
    items[JOB] = (cothread_item){.kind = COTHREAD_ITEM_JOB, .object = ended[0]};
}

static void begin_all(void) {
    int i;
    for (i = 0; i < 2; i++) {
        go[i] = handle(cothread_event_create(0));
        events[i] = handle(cothread_event_create(i ? COTHREAD_MANUAL_RESET : 0));
        channels[i] = handle(cothread_channel_create(sizeof element, 1, 0));
    }
    expect(cothread_channel_send(channels[1], &sent, COTHREAD_NOW), 0); /* full */
    semaphore = handle(cothread_semaphore_create(0, 0));
    mutex = handle(cothread_mutex_create(0));
    timer = handle(cothread_timer_create(0));
    signal_object = handle(cothread_signal_open(SIGUSR1, 0));
    make_directory();
    watch = handle(cothread_watch_open(directory, CREATED, 0));
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, by_number), 0);
    adopted = adopted_pair(pair);
    expect(socketpair(AF_UNIX, SOCK_STREAM, 0, peer), 0);
    connection = handle(cothread_connection_adopt(peer[0], NULL, 0, NULL));
    items[FD] = (cothread_item){.kind = COTHREAD_ITEM_FD, .object = by_number[0], .want = COTHREAD_READABLE};
    items[READY] = (cothread_item){.kind = COTHREAD_ITEM_READY, .object = adopted, .want = COTHREAD_READABLE};
    items[EVENT] = (cothread_item){.kind = COTHREAD_ITEM_EVENT, .object = events[0]};
    items[MANUAL] = (cothread_item){.kind = COTHREAD_ITEM_EVENT, .object = events[1]};
    items[RECEIVE] = (cothread_item){.kind = COTHREAD_ITEM_RECEIVE, .object = channels[0], .element = &element};
    items[SEND] = (cothread_item){.kind = COTHREAD_ITEM_SEND, .object = channels[1], .element = &sent};
    items[ACQUIRE] = (cothread_item){.kind = COTHREAD_ITEM_ACQUIRE, .object = semaphore};
    items[LOCK] = (cothread_item){.kind = COTHREAD_ITEM_LOCK, .object = mutex};
    items[TIMER] = (cothread_item){.kind = COTHREAD_ITEM_TIMER, .object = timer};
    items[SIGNAL] = (cothread_item){.kind = COTHREAD_ITEM_SIGNAL, .object = signal_object};
    items[FILE_CHANGE] = (cothread_item){.kind = COTHREAD_ITEM_FILE, .object = watch, .element = &change};
    items[CONNECTION] = (cothread_item){.kind = COTHREAD_ITEM_CONNECTION, .object = connection, .want = COTHREAD_READABLE};
    begin_task();
    begin_member();
    begin_process();
    begin_thread();
    begin_job();
}

static void of_mutex(cothread_handle task, int operation) {
    request((cothread_request){.task = task, .operation = operation, .fd = -1, .deadline = COTHREAD_FOREVER, .object = mutex});
    expect(cothread_submit() >= 1, 1);
}

/* Makes it happen. */
static void happen(int kind) {
    switch (kind) {
    case FD: expect(write(by_number[1], "x", 1), 1); break;
    case READY: expect(write(pair[1], "x", 1), 1); break;
    case TASK: expect(cothread_event_signal(go[0], NULL) >= 0, 1); break;
    case GROUP: expect(cothread_event_signal(go[1], NULL) >= 0, 1); break;
    case EVENT: expect(cothread_event_signal(events[0], (void *)5) >= 0, 1); break;
    case MANUAL: expect(cothread_event_signal(events[1], (void *)5) >= 0, 1); break;
    case RECEIVE: expect(cothread_channel_send(channels[0], &sent, COTHREAD_NOW), 0); break;
    case SEND: expect(cothread_channel_receive(channels[1], &element, COTHREAD_NOW), 0); break;
    case ACQUIRE: expect(cothread_semaphore_release(semaphore, 1), 0); break;
    case LOCK: of_mutex(other_host, COTHREAD_UNLOCK); break;
    case TIMER: expect(cothread_timer_set(timer, cothread_after(COTHREAD_MILLISECOND), 0), 0); break;
    case SIGNAL: expect(raise(SIGUSR1), 0); break;
    case FILE_CHANGE: write_file("a", ""); break;
    case PROCESS: close(until_end[1]); break;
    case THREAD: sem_post(&thread_may_end); break;
    case JOB: sem_post(&call_may_end); break;
    case CONNECTION: expect(write(peer[1], "x", 1), 1); break;
    }
}

static const struct {
    uint32_t result;
    int64_t value; /* -1: something else */
} told[KINDS] = {
    [FD] = {COTHREAD_READABLE, 0}, [READY] = {COTHREAD_READABLE, 0}, [CONNECTION] = {COTHREAD_READABLE, 0}, [TASK] = {0, 5},
    [GROUP] = {1, 0}, [EVENT] = {0, 5}, [MANUAL] = {0, 5}, [TIMER] = {1, -1}, [SIGNAL] = {1, -1}, [FILE_CHANGE] = {1, CREATED},
    [PROCESS] = {3, 3 << 8}, [JOB] = {EDOM, 42},
};

static void again(int kind, void (*poll_once)(void));

/* ---- Ways to wait ------------------------------------------------------------------------------------------------- */

static void in_the_library(void) {
    expect(cothread_poll_scheduler(COTHREAD_FOREVER) >= 0, 1);
}

static void for_its_descriptor(void) {
    struct pollfd entry = {.fd = handle(cothread_poll_fd()), .events = POLLIN};
    expect(cothread_submit() >= 0, 1);
    while (poll(&entry, 1, 60000) < 0)
        expect(errno, EINTR);
    expect(entry.revents, POLLIN);
    expect(cothread_poll_scheduler(COTHREAD_NOW) >= 0, 1);
}

static void in_poll(void) {
    expect(cothread_submit() >= 0, 1);
    host_round();
}

/* ---- The waits ---------------------------------------------------------------------------------------------------- */

static void ask(cothread_item *list, int count) {
    request((cothread_request){.task = host, .operation = COTHREAD_WAIT_ITEMS, .fd = count, .deadline = COTHREAD_FOREVER,
                               .object = sizeof *list, .value = (int64_t)(intptr_t)list});
    expect(cothread_submit() >= 1, 1);
}

static void is_told(int kind, int place, int times, void (*poll_once)(void)) {
    do
        poll_once();
    while (ring->ready_count == 0);
    if (ring->ready_count != times)
        fail_at(__FILE__, __LINE__, "kind %d: %d entries, expected %d", kind, (int)ring->ready_count, times);
    for (int i = 0; i < times; i++) {
        const cothread_ready *ready = &ring->ready[i];
        expect(ready->token, 3);
        if (ready->reason != 0 || (ready->item != (uint32_t)place + 1 + (uint32_t)i && place >= 0))
            fail_at(__FILE__, __LINE__, "kind %d at %d: item %u was reported, with %d", kind, place, ready->item, ready->reason);
        expect(ready->events, told[kind].result);
        if (told[kind].value >= 0)
            expect(ready->value, told[kind].value);
        expect(ready->more, times - 1 - i);
    }
}

static int takes(int kind) {
    return kind == EVENT || (kind >= RECEIVE && kind <= LOCK) || kind == SIGNAL || kind == FILE_CHANGE;
}

/* A child has all descriptors, and calls of its own are refused: what it does, and its end, is nothing to its parent. */
static void fork_a_child(void) {
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
        if (cothread_poll_scheduler(COTHREAD_NOW) != COTHREAD_EFORKED || cothread_close(timer) != COTHREAD_EFORKED)
            _exit(1);
        exit(0); /* its handlers too */
    }
    while (waitpid(child, &status, 0) < 0)
        expect(errno, EINTR);
    expect(status, 0);
}

enum company { ALONE, AMONG_OTHERS, TWICE, COMPANIES };

static void waits_for(int kind, int later, enum company company, void (*poll_once)(void)) {
    cothread_item list[KINDS];
    int count = 0, place = 0;
    if (company == TWICE && !later && (kind == PROCESS || kind == THREAD || kind == JOB))
        return; /* these end on their own: that may be between the looks at the two */
    for (int i = 0; i < KINDS; i++)
        if ((i == kind || company == AMONG_OTHERS) && (i != THREAD || watches_threads)) {
            place = i == kind ? count : place;
            list[count++] = items[i];
        }
    if (company == TWICE) {
        list[count++] = items[kind];
        place = takes(kind) ? -1 : 0; /* which of two is left to chance */
    }
    if (!later)
        happen(kind);
    ask(list, count);
    if (later) {
        request((cothread_request){.task = host, .operation = COTHREAD_WITHDRAW, .fd = -1}); /* and once more: nothing is left behind */
        ask(list, count);
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
        if (company == ALONE)
            fork_a_child();
        happen(kind);
    }
    is_told(kind, place, company == TWICE && !takes(kind) ? 2 : 1, poll_once);
    if (kind == RECEIVE)
        expect(element, 7);
    again(kind, poll_once);
}

/* Sees to it that it may happen again. */
static void again(int kind, void (*poll_once)(void)) {
    char byte;
    switch (kind) {
    case FD: expect(read(by_number[0], &byte, 1), 1); break;
    case READY: expect(cothread_read(adopted, &byte, 1, COTHREAD_NOW), 1); break;
    case CONNECTION: expect(cothread_connection_read(connection, &byte, 1, COTHREAD_NOW), 1); break;
    case MANUAL: expect(cothread_event_reset(events[1]), 1); break;
    case TASK:
        expect(cothread_join(tasks[0], NULL, COTHREAD_NOW), 0);
        begin_task();
        break;
    case GROUP:
        expect(cothread_close(group), 0);
        begin_member();
        break;
    case FILE_CHANGE:
        expect(strcmp(change.name, "a"), 0);
        remove_file("a");
        break;
    case LOCK: /* the other one waits for it, and gets it */
        request((cothread_request){.task = other_host, .operation = COTHREAD_WAIT_LOCK, .fd = -1, .deadline = COTHREAD_FOREVER, .object = mutex});
        of_mutex(host, COTHREAD_UNLOCK);
        do
            poll_once();
        while (ring->ready_count == 0);
        expect(ring->ready[0].token, 4);
        break;
    case PROCESS:
        expect(cothread_close(started[0]), 0);
        begin_process();
        break;
    case THREAD:
        expect(cothread_close(started[1]), 0);
        expect(pthread_join(thread, NULL), 0);
        begin_thread();
        break;
    case JOB:
        expect(cothread_close(ended[0]), 0);
        begin_job();
        break;
    }
}

static void end_all(void) {
    expect(cothread_event_signal(go[0], NULL) >= 0, 1);
    expect(cothread_event_signal(go[1], NULL) >= 0, 1);
    close(until_end[1]);
    sem_post(&thread_may_end);
    sem_post(&call_may_end);
    expect(pthread_join(thread, NULL), 0);
    finish(host, 0);
    finish(other_host, 0);
    while (cothread_join(tasks[0], NULL, COTHREAD_NOW) != 0 || cothread_group_wait(group, 0, COTHREAD_NOW) != 1)
        expect(cothread_poll_scheduler(COTHREAD_NOW), 0);
    expect(cothread_submit(), 0);
    while (wait_item(COTHREAD_ITEM_JOB, ended[0], NULL, COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        usleep(100);
    expect(cothread_close(ended[0]), 0);
    while (ended_by(started[0], COTHREAD_NOW) == COTHREAD_ETIMEDOUT)
        usleep(100);
    expect(cothread_close(started[0]), 0);
    for (int i = 0; i < 2; i++) {
        close(by_number[i]);
        close(i ? pair[1] : peer[1]);
    }
    expect(rmdir(directory), 0);
}

static void run(uint32_t flags, void (*poll_once)(void)) {
    hosted(flags);
    host = handle(cothread_host_create(3, NULL, 0));
    other_host = handle(cothread_host_create(4, NULL, 0));
    begin_all();
    of_mutex(other_host, COTHREAD_WAIT_LOCK);
    expect(cothread_poll_scheduler(COTHREAD_NOW), 1);
    for (int kind = 0; kind < KINDS; kind++)
        for (int way = 0; way < 2 * COMPANIES && (kind != THREAD || watches_threads); way++)
            waits_for(kind, way % 2, (enum company)(way / 2), poll_once);
    end_all();
    expect(nothing_left(), 0);
    no_child_is_left();
}

int main(void) {
    int before = open_descriptors();
    sem_init(&thread_may_end, 0, 0);
    sem_init(&call_may_end, 0, 0);
    for (int interrupted = 0; interrupted < 2; interrupted++) {
        if (interrupted)
            alarms_begin(0);
        run(0, in_the_library);
        run(0, for_its_descriptor);
        run(COTHREAD_HOST_POLLS, in_poll);
    }
    alarms_end();
    expect(open_descriptors(), before);
    return 0;
}
