/* ours.c - libcothread. Everything runs in a native root task, as the peers' benchmarks run in theirs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Beside the shared benchmarks it has two that idle.c starts and watches from outside: wake1000 and idle5.
 */
#define _GNU_SOURCE
#define PEER "ours"
#include "measure.h"
#include "observed.h"
#include <cothread.h>

static cothread_handle scheduler;

/* Every result is checked: a benchmark of calls that fail is fast and worthless. */
static int64_t checked(int64_t result, const char *call) {
    if (result < 0) {
        fprintf(stderr, "ours: %s: %s (%s)\n", call, cothread_strerror((int)result), cothread_last_error());
        exit(1);
    }
    return result;
}
#define CHECKED(call) checked((call), #call)

static cothread_handle spawn(cothread_function function, void *argument) {
    return CHECKED(cothread_spawn(function, argument, NULL));
}

static void join(cothread_handle task) {
    CHECKED(cothread_join(task, NULL, COTHREAD_FOREVER));
}

static void spawn_detached(cothread_function function, void *argument) {
    CHECKED(cothread_detach(spawn(function, argument)));
}

/* ---- a, b ---------------------------------------------------------------------------------------- */

static void *empty_task(void *argument) {
    return argument;
}

static void spawn_and_join(long unused) {
    int64_t start = wall_ns();
    (void)unused;
    for (long i = 0; i < SPAWNED_TASKS; i++) {
        void *result = NULL;
        CHECKED(cothread_join(spawn(empty_task, &start), &result, COTHREAD_FOREVER));
        if (result != &start)
            give_up("a result was lost");
    }
    report_per_switch("a_spawn", start, "ns", SPAWNED_TASKS);
}

static void *yielding_task(void *unused) {
    for (long i = 0; i < YIELDS_PER_TASK; i++)
        CHECKED(cothread_yield());
    return unused;
}

static void yield_among_many(long unused) {
    cothread_handle tasks[READY_TASKS];
    int64_t start = wall_ns();
    (void)unused;
    for (long i = 0; i < READY_TASKS; i++)
        tasks[i] = spawn(yielding_task, NULL);
    for (long i = 0; i < READY_TASKS; i++)
        join(tasks[i]);
    report_per_switch("b_yield1000", start, "ns/sched", READY_TASKS * YIELDS_PER_TASK);
}

/* ---- c: with two events, and with the bare pair that events are made of ---------------------------- */

/* Two tasks that run different functions, as the peers' do, cost a misprediction per hand-over: the processor expects
 * the wait to return where the other task's would. c_pingpong_alike, two tasks that run the same function, shows what
 * a hand-over costs without it. */

static cothread_handle ping, pong;

static void signal_event(cothread_handle event) {
    CHECKED(cothread_event_signal(event, NULL));
}

static void await_event(cothread_handle event) {
    CHECKED(cothread_event_wait(event, NULL, COTHREAD_FOREVER));
}

static void *answer_events(void *unused) {
    for (long i = 0; i < ROUND_TRIPS; i++) {
        await_event(ping);
        signal_event(pong);
    }
    return unused;
}

static void hand_over_by_events(void) {
    cothread_handle answerer;
    int64_t start;
    ping = CHECKED(cothread_event_create(0));
    pong = CHECKED(cothread_event_create(0));
    answerer = spawn(answer_events, NULL);
    start = wall_ns();
    for (long i = 0; i < ROUND_TRIPS; i++) {
        signal_event(ping);
        await_event(pong);
    }
    report_per_switch("c_pingpong", start, "ns/hand-over", 2 * ROUND_TRIPS);
    join(answerer);
}

struct side {
    cothread_handle own, other;
};

static void *pass_on(void *argument) {
    struct side *side = argument;
    for (long i = 0; i < ROUND_TRIPS; i++) {
        await_event(side->own);
        signal_event(side->other);
    }
    return NULL;
}

static void hand_over_among_alike(void) {
    struct side left = {CHECKED(cothread_event_create(0)), CHECKED(cothread_event_create(0))};
    struct side right = {left.other, left.own};
    cothread_handle tasks[] = {spawn(pass_on, &left), spawn(pass_on, &right)};
    int64_t start = wall_ns();
    signal_event(left.own);
    join(tasks[0]);
    join(tasks[1]);
    report_per_switch("c_pingpong_alike", start, "ns/hand-over", 2 * ROUND_TRIPS);
}

static void wake(cothread_handle task) {
    if (CHECKED(cothread_wakeup(task)) != 1)
        give_up("woke a task that did not wait");
}

static void await_wakeup(void) {
    CHECKED(cothread_wait_until(COTHREAD_FOREVER));
}

static void *answer_wakeups(void *asker) {
    for (long i = 0; i < ROUND_TRIPS; i++) {
        await_wakeup();
        wake(*(cothread_handle *)asker);
    }
    return NULL;
}

static void hand_over_by_wakeups(void) {
    cothread_handle self = CHECKED(cothread_self());
    cothread_handle answerer = spawn(answer_wakeups, &self);
    int64_t start;
    CHECKED(cothread_yield()); /* the answerer starts and waits */
    start = wall_ns();
    for (long i = 0; i < ROUND_TRIPS; i++) {
        wake(answerer);
        await_wakeup();
    }
    report_per_switch("c_pingpong_wakeup", start, "ns/hand-over", 2 * ROUND_TRIPS);
    join(answerer);
}

static void hand_over(long unused) {
    (void)unused;
    hand_over_by_events();
    hand_over_among_alike();
    hand_over_by_wakeups();
}

/* ---- d, e ---------------------------------------------------------------------------------------- */

struct sleepers {
    int64_t instant;
    long count, asleep, ended;
    cothread_handle all_ended;
};

static void *sleeping_task(void *argument) {
    struct sleepers *sleepers = argument;
    sleepers->asleep++;
    CHECKED(cothread_sleep_until(sleepers->instant));
    if (++sleepers->ended == sleepers->count)
        signal_event(sleepers->all_ended);
    return NULL;
}

static void report_guard(void) {
    static const char *const names[] = {"no-guard", "kernel-guard", "mprotect-guard", "canary"};
    cothread_stats stats = {.size = sizeof stats};
    CHECKED(cothread_statistics(scheduler, &stats));
    report("d_guard", stats.guard, names[stats.guard]);
}

/* cothread_now is CLOCK_MONOTONIC, so wall_ns() instants are its deadlines. */
static void sleepers(long count) {
    int64_t resident_before = resident_bytes(), cpu_before;
    struct sleepers sleepers = {.instant = sleepers_instant(count), .count = count};
    sleepers.all_ended = CHECKED(cothread_event_create(0));
    for (long i = 0; i < count; i++)
        spawn_detached(sleeping_task, &sleepers);
    while (sleepers.asleep < count)
        CHECKED(cothread_yield());
    CHECKED(cothread_yield()); /* a deadline is armed when its tick ends */
    report_sleeper_memory(resident_before, count, sleepers.instant, "B/co");
    report_guard();
    CHECKED(cothread_sleep_until(sleepers.instant - WAKE_MARGIN_NS));
    cpu_before = cpu_ns();
    await_event(sleepers.all_ended);
    report("d_wake_cpu", (double)(cpu_ns() - cpu_before) / (double)count, "cpu-ns/co");
}

static void *timer_task(void *unused) {
    for (long i = 0; i < SLEEPS_PER_TASK; i++)
        CHECKED(cothread_sleep_until(cothread_after(short_sleep_ms() * COTHREAD_MILLISECOND)));
    return unused;
}

static void timers(long unused) {
    int64_t cpu_before = cpu_ns(), user_before = user_cpu_ns();
    cothread_handle tasks[TIMER_TASKS];
    (void)unused;
    for (long i = 0; i < TIMER_TASKS; i++)
        tasks[i] = spawn(timer_task, NULL);
    for (long i = 0; i < TIMER_TASKS; i++)
        join(tasks[i]);
    report_timers(cpu_before, user_before, TIMER_TASKS * SLEEPS_PER_TASK);
}

/* ---- p ------------------------------------------------------------------------------------------- */

static void *periodic_task(void *first) {
    int64_t next = *(int64_t *)first;
    for (long i = 0; i < TURNS_PER_TASK; i++, next += TURN_NS) {
        CHECKED(cothread_sleep_until(next));
        take_turn(next);
    }
    return NULL;
}

static void periodic(long unused) {
    int64_t first = first_turn();
    cothread_handle tasks[PERIODIC_TASKS];
    (void)unused;
    for (long i = 0; i < PERIODIC_TASKS; i++)
        tasks[i] = spawn(periodic_task, &first);
    for (long i = 0; i < PERIODIC_TASKS; i++)
        join(tasks[i]);
    report_turns();
}

/* ---- g ------------------------------------------------------------------------------------------- */

static cothread_handle posts_finished;

static void post(posted_function function, void *argument) {
    CHECKED(cothread_post(scheduler, function, argument, COTHREAD_FOREVER));
}

static void finish(void *unused) {
    (void)unused;
    signal_event(posts_finished);
}

static void wait_for_posts(void) {
    await_event(posts_finished);
}

static void yield_meanwhile(void) {
    int result;
    do {
        CHECKED(cothread_yield());
        result = cothread_event_wait(posts_finished, NULL, COTHREAD_NOW);
    } while (result == COTHREAD_ETIMEDOUT);
    checked(result, "cothread_event_wait");
}

/* The same number of elements of 8 bytes, by a channel: a task receives them. */
static void *send_elements(void *channel) {
    for (int64_t i = 0; i < FLOOD_POSTS; i++)
        CHECKED(cothread_channel_send(*(cothread_handle *)channel, &i, COTHREAD_FOREVER));
    return NULL;
}

static void *receive_elements(void *channel) {
    int64_t element;
    for (long i = 0; i < FLOOD_POSTS; i++)
        CHECKED(cothread_channel_receive(*(cothread_handle *)channel, &element, COTHREAD_FOREVER));
    return NULL;
}

static void elements_from_a_thread(void) {
    pthread_t thread;
    cothread_handle channel = CHECKED(cothread_channel_create(sizeof(int64_t), 65536, COTHREAD_FROM_THREADS));
    int64_t began = wall_ns();
    CHECKED(-pthread_create(&thread, NULL, send_elements, &channel));
    join(spawn(receive_elements, &channel));
    report("g_elements", (double)(wall_ns() - began) / (double)FLOOD_POSTS, "ns/element");
    CHECKED(-pthread_join(thread, NULL));
    CHECKED(cothread_close(channel));
}

static void posts_from_a_thread(long unused) {
    static const struct post_loop waiting = {post, wait_for_posts, finish}, yielding = {post, yield_meanwhile, finish};
    (void)unused;
    posts_finished = CHECKED(cothread_event_create(0));
    measure_post_flood(&waiting, "g_inject", "g_inject_cpu");
    measure_post_flood(&yielding, "g_inject_yielding", "g_inject_yielding_cpu");
    elements_from_a_thread();
    measure_idle_posts(&waiting);
}

/* ---- Calls on another thread --------------------------------------------------------------------- */

static void nothing(void) {}

static void offload(void) {
    cothread_job job = {.size = sizeof job, .function = nothing};
    CHECKED(cothread_offload(0, &job, COTHREAD_FOREVER));
}

static void calls_elsewhere(long unused) {
    (void)unused;
    measure_calls_elsewhere(offload);
}

/* ---- echo ---------------------------------------------------------------------------------------- */

static void *connection_task(void *argument) {
    cothread_handle connection = (cothread_handle)(intptr_t)argument;
    char message[ECHO_BUFFER_SIZE];
    int64_t size;
    while ((size = cothread_read(connection, message, echo_account.buffer_size, COTHREAD_FOREVER)) > 0) {
        if (cothread_write(connection, message, (size_t)size, COTHREAD_FOREVER) != size)
            break;
        echo_message();
    }
    CHECKED(cothread_close(connection));
    echo_connection_gone();
    return NULL;
}

static void echo(long port) {
    cothread_handle listener = CHECKED(cothread_adopt(listen_on(port), 0));
    for (;;) {
        cothread_handle connection = CHECKED(cothread_accept(listener, COTHREAD_FOREVER));
        send_at_once((int)CHECKED(cothread_descriptor(connection)));
        spawn_detached(connection_task, (void *)(intptr_t)connection);
    }
}

static void echo_full_reads(long port) {
    echo_account.buffer_size = MESSAGE_SIZE;
    echo(port);
}

/* ---- q --------------------------------------------------------------------------------------------- */

static void start_and_wait(long unused) {
    cothread_process_options options = {.size = sizeof options, .arguments = nothing_to_do};
    int64_t start = wall_ns();
    (void)unused;
    for (int i = 0; i < STARTED_PROCESSES; i++) {
        cothread_item item = {.kind = COTHREAD_ITEM_PROCESS, .object = CHECKED(cothread_process_start(&options))};
        CHECKED(cothread_wait(&item, sizeof item, 1, COTHREAD_FOREVER, 0));
        if (item.result != 0)
            give_up("/bin/true failed");
        CHECKED(cothread_close(item.object));
    }
    report_per_switch("q_process", start, "ns", STARTED_PROCESSES);
}

/* ---- What idle.c watches ----------------------------------------------------------------------- */

static void wake_1000_times_a_second(long unused) {
    int64_t next = wall_ns();
    (void)unused;
    observe_me();
    for (;;) {
        next += OBSERVED_PERIOD_NS;
        CHECKED(cothread_sleep_until(next));
    }
}

/* Traffic first: what idles must be a scheduler that has worked, with whatever threads that left behind. */
static void fall_idle(long unused) {
    for (int i = 0; i < 200; i++)
        CHECKED(cothread_sleep_until(cothread_after(COTHREAD_MILLISECOND)));
    posts_from_a_thread(unused);
    observe_me();
    await_event(posts_finished); /* nobody signals it any more */
}

/* ---- The root task -------------------------------------------------------------------------------- */

struct root {
    int argc;
    char **argv;
    int status;
};

static void *root_task(void *argument) {
    static const struct benchmark benchmarks[] = {
        {"a", spawn_and_join}, {"b", yield_among_many}, {"c", hand_over}, {"d", sleepers},
        {"e", timers},         {"echo", echo},          {"g", posts_from_a_thread},
        {"j", calls_elsewhere}, {"p", periodic},        {"q", start_and_wait},
        {"echo64", echo_full_reads}, {NULL, NULL}};
    static const struct benchmark observed[] = {
        {"wake1000", wake_1000_times_a_second}, {"idle5", fall_idle}, {NULL, NULL}};
    struct root *root = argument;
    const struct benchmark *benchmark = root->argc > 1 ? find_benchmark(observed, root->argv[1]) : NULL;
    if (benchmark != NULL)
        benchmark->run(0);
    else
        root->status = benchmark_main(root->argc, root->argv, benchmarks);
    return NULL;
}

int main(int argc, char **argv) {
    struct root root = {argc, argv, 1};
    scheduler = CHECKED(cothread_create(NULL));
    join(spawn(root_task, &root));
    CHECKED(cothread_destroy(scheduler, COTHREAD_FOREVER));
    return root.status;
}
