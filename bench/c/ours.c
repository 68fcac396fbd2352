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
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>

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

/* ---- w ------------------------------------------------------------------------------------------- */

static cothread_item choices[MOST_CHANNELS];
static int64_t chosen[MOST_CHANNELS];
static cothread_handle answers;
static int choice_count;

static int wait_for_choices(void) {
    return (int)CHECKED(cothread_wait(choices, sizeof *choices, (size_t)choice_count, COTHREAD_FOREVER, 0));
}

static void *choosing_task(void *unused) {
    int64_t answer = 1;
    for (long i = 0; i < choices_among(choice_count); i++) {
        if (wait_for_choices() != 1 || !choices[choice_count / 2].fired)
            give_up("chose another channel");
        CHECKED(cothread_channel_send(answers, &answer, COTHREAD_FOREVER));
    }
    return unused;
}

static void choose_among(int channels) {
    int64_t value = 1, start;
    choice_count = channels;
    for (int i = 0; i < channels; i++)
        choices[i] = (cothread_item){.kind = COTHREAD_ITEM_RECEIVE,
                                     .object = CHECKED(cothread_channel_create(sizeof value, 0, 0)),
                                     .element = &chosen[i]};
    answers = CHECKED(cothread_channel_create(sizeof value, 0, 0));
    cothread_handle task = spawn(choosing_task, NULL);
    start = wall_ns();
    for (long i = 0; i < choices_among(channels); i++) {
        CHECKED(cothread_channel_send(choices[channels / 2].object, &value, COTHREAD_FOREVER));
        CHECKED(cothread_channel_receive(answers, &value, COTHREAD_FOREVER));
    }
    report_choices(channels, start);
    join(task);
}

/* The least of many short runs, in turn with what it is compared with: a ratio of two that differ by a few ns. `peer` is
 * "single" for the dedicated call, "kernel" for the bare system calls. */
struct contender {
    const char *metric, *peer;
    void (*run)(void);
    long runs;
    double least; /* ns per run */
};

static void contend(struct contender *contenders, int count) {
    for (int round = 0; round < 40; round++)
        for (int i = 0; i < count; i++) {
            struct contender *c = &contenders[i];
            int64_t start = wall_ns();
            for (long n = 0; n < c->runs; n++)
                c->run();
            double took = (double)(wall_ns() - start) / (double)c->runs;
            if (round == 0 || took < c->least)
                c->least = took;
        }
    for (int i = 0; i < count; i++)
        printf("%s %s %.2f ns\n", contenders[i].metric, contenders[i].peer, contenders[i].least);
}

static cothread_handle ready_event, sockets[MOST_CHANNELS];
static int numbers[MOST_CHANNELS], peers_of_numbers[MOST_CHANNELS];
static cothread_item one_event, one_socket, many_events[MOST_CHANNELS], many_sockets[MOST_CHANNELS], many_numbers[MOST_CHANNELS];

static void wait_ready(cothread_item *items, size_t count) {
    if (CHECKED(cothread_wait(items, sizeof *items, count, COTHREAD_FOREVER, 0)) != 1)
        give_up("not one thing was ready");
}

static void event_ready_single(void) {
    signal_event(ready_event);
    await_event(ready_event);
}
static void event_ready_one(void) {
    signal_event(ready_event);
    wait_ready(&one_event, 1);
}
static void event_ready_many(void) {
    signal_event(ready_event);
    wait_ready(many_events, MOST_CHANNELS);
}
static void socket_ready_single(void) {
    CHECKED(cothread_wait_ready(one_socket.object, COTHREAD_READABLE, COTHREAD_FOREVER));
}
static void socket_ready_one(void) {
    wait_ready(&one_socket, 1);
}
static void socket_ready_many(void) {
    wait_ready(many_sockets, MOST_CHANNELS);
}
static void number_ready_many(void) {
    wait_ready(many_numbers, MOST_CHANNELS);
}
static void number_ready_kernel(void) {
    struct pollfd list[MOST_CHANNELS];
    for (int i = 0; i < MOST_CHANNELS; i++)
        list[i] = (struct pollfd){.fd = numbers[i], .events = POLLIN};
    if (poll(list, MOST_CHANNELS, 0) != 1)
        give_up("not one descriptor was ready");
}

/* Two tasks wait in turn for one event, by either call. */
#define HAND_OVERS 2000
struct turn {
    cothread_item own;
    cothread_handle other;
    bool single;
};

static void *take_turns(void *argument) {
    struct turn *turn = argument;
    for (long i = 0; i < HAND_OVERS / 2; i++) {
        if (turn->single)
            await_event(turn->own.object);
        else
            wait_ready(&turn->own, 1);
        signal_event(turn->other);
    }
    return NULL;
}

static void turns_of_two(bool single) {
    cothread_handle events[] = {CHECKED(cothread_event_create(0)), CHECKED(cothread_event_create(0))};
    struct turn left = {{.kind = COTHREAD_ITEM_EVENT, .object = events[0]}, events[1], single};
    struct turn right = {{.kind = COTHREAD_ITEM_EVENT, .object = events[1]}, events[0], single};
    cothread_handle tasks[] = {spawn(take_turns, &left), spawn(take_turns, &right)};
    signal_event(events[0]);
    join(tasks[0]);
    join(tasks[1]);
    CHECKED(cothread_close(events[0]));
    CHECKED(cothread_close(events[1]));
}
static void hand_over_single(void) {
    turns_of_two(true);
}
static void hand_over_one(void) {
    turns_of_two(false);
}

/* A task waits for 64 descriptors by number; it is written to, reads, and waits again. */
static int epoll_set;
static cothread_handle number_read;

static void await_numbers(void) {
    char byte;
    wait_ready(many_numbers, MOST_CHANNELS);
    if (read(numbers[MOST_CHANNELS / 2], &byte, 1) != 1)
        give_up_errno("read");
}
static void *number_task(void *unused) {
    for (;;) {
        await_numbers();
        signal_event(number_read);
    }
    return unused;
}
static void write_number(void) {
    if (write(peers_of_numbers[MOST_CHANNELS / 2], "x", 1) != 1)
        give_up_errno("write");
}
static void number_suspended_many(void) {
    write_number();
    await_event(number_read);
}
static void number_suspended_kernel(void) {
    struct epoll_event found[MOST_CHANNELS];
    char byte;
    for (int i = 0; i < MOST_CHANNELS; i++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = numbers[i]};
        if (epoll_ctl(epoll_set, EPOLL_CTL_MOD, numbers[i], &event) < 0)
            give_up_errno("epoll_ctl");
    }
    write_number();
    if (epoll_wait(epoll_set, found, MOST_CHANNELS, -1) != 1 || read(numbers[MOST_CHANNELS / 2], &byte, 1) != 1)
        give_up("not one descriptor was ready");
}

static void wait_beside_single_calls(void) {
    for (int i = 0; i < MOST_CHANNELS; i++) {
        int pair[2];
        many_events[i] = (cothread_item){.kind = COTHREAD_ITEM_EVENT, .object = CHECKED(cothread_event_create(0))};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
            give_up_errno("socketpair");
        sockets[i] = CHECKED(cothread_adopt(pair[0], 0));
        many_sockets[i] = (cothread_item){.kind = COTHREAD_ITEM_READY, .object = sockets[i], .want = COTHREAD_READABLE};
        if (i == MOST_CHANNELS / 2 && write(pair[1], "x", 1) != 1)
            give_up_errno("write");
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
            give_up_errno("socketpair");
        numbers[i] = pair[0];
        peers_of_numbers[i] = pair[1];
        many_numbers[i] = (cothread_item){.kind = COTHREAD_ITEM_FD, .object = pair[0], .want = COTHREAD_READABLE};
    }
    one_event = many_events[MOST_CHANNELS / 2];
    ready_event = one_event.object;
    one_socket = many_sockets[MOST_CHANNELS / 2];
    wait_ready(many_sockets, MOST_CHANNELS); /* the poller has told of each */

    struct contender objects[] = {{"w_event_1", "single", event_ready_single, 3000, 0}, {"w_event_1", PEER, event_ready_one, 3000, 0},
                                  {"w_event_64", PEER, event_ready_many, 100, 0}};
    struct contender hand_overs[] = {{"w_2000_hand_overs", "single", hand_over_single, 1, 0}, {"w_2000_hand_overs", PEER, hand_over_one, 1, 0}};
    struct contender descriptors[] = {{"w_adopted_1", "single", socket_ready_single, 300, 0}, {"w_adopted_1", PEER, socket_ready_one, 300, 0},
                                      {"w_adopted_64", PEER, socket_ready_many, 100, 0}};
    contend(objects, 3);
    contend(hand_overs, 2);
    contend(descriptors, 3);
    report("w_event_64_item", (objects[2].least - 1.3 * objects[0].least) / MOST_CHANNELS, "ns/item");
    report("w_adopted_64_item", (descriptors[2].least - 1.3 * descriptors[0].least) / MOST_CHANNELS, "ns/item");

    char byte;
    write_number();
    struct contender ready[] = {{"w_number_64", "kernel", number_ready_kernel, 100, 0}, {"w_number_64", PEER, number_ready_many, 100, 0}};
    contend(ready, 2);
    if (read(numbers[MOST_CHANNELS / 2], &byte, 1) != 1)
        give_up_errno("read");
    epoll_set = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < MOST_CHANNELS; i++) {
        struct epoll_event event = {.events = 0, .data.fd = numbers[i]};
        if (epoll_ctl(epoll_set, EPOLL_CTL_ADD, numbers[i], &event) < 0)
            give_up_errno("epoll_ctl");
    }
    struct contender kernel[] = {{"w_number_64_suspended", "kernel", number_suspended_kernel, 100, 0}};
    contend(kernel, 1);
    close(epoll_set);
    number_read = CHECKED(cothread_event_create(0));
    cothread_handle task = spawn(number_task, NULL);
    CHECKED(cothread_yield());
    struct contender ours[] = {{"w_number_64_suspended", PEER, number_suspended_many, 100, 0}};
    contend(ours, 1);
    CHECKED(cothread_detach(task)); /* it waits to the end */
}

static void choose(long unused) {
    (void)unused;
    for (int i = 0; i < CHANNEL_COUNTS; i++)
        choose_among(channel_counts[i]);
    wait_beside_single_calls();
    fflush(stdout);
    _exit(0); /* a task waits still */
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

/* The same through the connection layer. */
static void *layered_task(void *argument) {
    cothread_handle connection = (cothread_handle)(intptr_t)argument;
    char message[ECHO_BUFFER_SIZE];
    int64_t size;
    while ((size = cothread_connection_read(connection, message, sizeof message, COTHREAD_FOREVER)) > 0) {
        if (cothread_connection_write(connection, message, (size_t)size, NULL, COTHREAD_FOREVER) != 0)
            break;
        echo_message();
    }
    CHECKED(cothread_close(connection));
    echo_connection_gone();
    return NULL;
}

static void echo_connections(long port) {
    char service[16];
    snprintf(service, sizeof service, "%ld", port);
    cothread_handle listener = CHECKED(cothread_listen("127.0.0.1", service, NULL));
    for (;;)
        spawn_detached(layered_task, (void *)(intptr_t)CHECKED(cothread_connection_accept(listener, COTHREAD_FOREVER)));
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
        {"w", choose},          {"echo64", echo_full_reads}, {"echo_connections", echo_connections},
        {"quiet", echo_connections}, {NULL, NULL}};
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
