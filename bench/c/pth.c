/* pth.c - GNU Pth.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE
#define PEER "pth"
#define SLOWER_BY 50 /* a switch costs microseconds */
#include "measure.h"
#include <pth.h>

/* Its scheduler looks at every waiting thread again and again: more than this takes minutes. */
#define MOST_SLEEPERS 2000
#define PTH_SLEEPS_PER_TASK (SLEEPS_PER_TASK / 10)

static pth_attr_t detached;
static long ended;

static pth_time_t pth_ns(int64_t ns) {
    return pth_time(ns / NS_PER_SECOND, ns % NS_PER_SECOND / 1000);
}

static void *empty_task(void *argument) {
    return argument;
}

static void spawn_and_join(long unused) {
    int64_t start = wall_ns();
    (void)unused;
    for (long i = 0; i < SPAWNED_TASKS; i++) {
        void *result = NULL;
        pth_join(pth_spawn(PTH_ATTR_DEFAULT, empty_task, &start), &result);
        if (result != &start)
            give_up("a result was lost");
    }
    report_per_switch("a_spawn", start, "ns", SPAWNED_TASKS);
}

static void *yielding_task(void *unused) {
    for (long i = 0; i < YIELDS_PER_TASK; i++)
        pth_yield(NULL);
    return unused;
}

static void yield_among_many(long unused) {
    pth_t tasks[READY_TASKS];
    int64_t start = wall_ns();
    (void)unused;
    for (long i = 0; i < READY_TASKS; i++)
        tasks[i] = pth_spawn(PTH_ATTR_DEFAULT, yielding_task, NULL);
    for (long i = 0; i < READY_TASKS; i++)
        pth_join(tasks[i], NULL);
    report_per_switch("b_yield1000", start, "ns/sched", READY_TASKS * YIELDS_PER_TASK);
}

struct flag {
    pth_cond_t changed;
    int set;
};

static pth_mutex_t flags_mutex = PTH_MUTEX_INIT;
static struct flag ping = {PTH_COND_INIT, 0}, pong = {PTH_COND_INIT, 0};

static void set_flag(struct flag *flag) {
    flag->set = 1;
    pth_cond_notify(&flag->changed, FALSE);
}

static void take_flag(struct flag *flag) {
    while (!flag->set)
        pth_cond_await(&flag->changed, &flags_mutex, NULL);
    flag->set = 0;
}

static void *answering_task(void *unused) {
    pth_mutex_acquire(&flags_mutex, FALSE, NULL);
    for (long i = 0; i < ROUND_TRIPS; i++) {
        take_flag(&ping);
        set_flag(&pong);
    }
    pth_mutex_release(&flags_mutex);
    return unused;
}

static void hand_over(long unused) {
    pth_t answerer = pth_spawn(PTH_ATTR_DEFAULT, answering_task, NULL);
    int64_t start;
    (void)unused;
    pth_mutex_acquire(&flags_mutex, FALSE, NULL);
    start = wall_ns();
    for (long i = 0; i < ROUND_TRIPS; i++) {
        set_flag(&ping);
        take_flag(&pong);
    }
    report_per_switch("c_pingpong", start, "ns/handoff", 2 * ROUND_TRIPS);
    pth_mutex_release(&flags_mutex);
    pth_join(answerer, NULL);
}

static void *sleeping_task(void *instant) {
    pth_nap(pth_ns(*(int64_t *)instant - wall_ns()));
    ended++;
    return NULL;
}

static void spawn_detached(void *(*function)(void *), void *argument) {
    if (pth_spawn(detached, function, argument) == NULL)
        give_up_errno("pth_spawn");
}

static void wait_until_ended(long count) {
    while (ended < count)
        pth_nap(pth_ns(NS_PER_MS));
}

static void sleepers(long count) {
    int64_t resident_before = resident_bytes(), instant = sleepers_instant(count), cpu_before;
    if (count > MOST_SLEEPERS)
        count = MOST_SLEEPERS;
    for (long i = 0; i < count; i++)
        spawn_detached(sleeping_task, &instant);
    pth_yield(NULL);
    report_sleeper_memory(resident_before, count, instant, "B/co");
    pth_nap(pth_ns(instant - WAKE_MARGIN_NS - wall_ns()));
    cpu_before = cpu_ns();
    wait_until_ended(count);
    report("d_wake_cpu", (double)(cpu_ns() - cpu_before) / (double)count, "cpu-ns/co");
}

static void *timer_task(void *unused) {
    for (long i = 0; i < PTH_SLEEPS_PER_TASK; i++)
        pth_nap(pth_ns(short_sleep_ms() * NS_PER_MS));
    ended++;
    return unused;
}

static void timers(long unused) {
    int64_t cpu_before = cpu_ns(), user_before = user_cpu_ns();
    (void)unused;
    for (long i = 0; i < TIMER_TASKS; i++)
        spawn_detached(timer_task, NULL);
    wait_until_ended(TIMER_TASKS);
    report_timers(cpu_before, user_before, TIMER_TASKS * PTH_SLEEPS_PER_TASK);
}

static void *connection_task(void *argument) {
    int connection = (int)(intptr_t)argument;
    char message[ECHO_BUFFER_SIZE];
    ssize_t size;
    while ((size = pth_read(connection, message, sizeof message)) > 0) {
        if (pth_write(connection, message, (size_t)size) != size)
            break;
        echo_message();
    }
    close(connection);
    echo_connection_gone();
    return NULL;
}

static void echo(long port) {
    int listener = listen_on(port);
    for (;;) {
        int connection = pth_accept(listener, NULL, NULL);
        if (connection < 0)
            give_up_errno("pth_accept");
        send_at_once(connection);
        spawn_detached(connection_task, (void *)(intptr_t)connection);
    }
}

/* ---- w: an event ring over message ports ------------------------------------------------------------ */

static pth_msgport_t ports[MOST_CHANNELS], answers;
static int port_count;

static pth_message_t *take(pth_msgport_t port) {
    pth_message_t *message;
    while ((message = pth_msgport_get(port)) == NULL) {
        static pth_key_t key = PTH_KEY_INIT;
        pth_event_t event = pth_event(PTH_EVENT_MSG | PTH_MODE_STATIC, &key, port);
        pth_wait(event);
    }
    return message;
}

static void *choosing_task(void *unused) {
    static pth_message_t answer; /* outlives the task */
    pth_event_t ring = NULL;
    for (int i = 0; i < port_count; i++) {
        pth_event_t event = pth_event(PTH_EVENT_MSG, ports[i]);
        ring = ring == NULL ? event : pth_event_concat(ring, event, NULL);
    }
    for (long i = 0; i < choices_among(port_count); i++) {
        pth_wait(ring);
        if (pth_msgport_get(ports[port_count / 2]) == NULL)
            give_up("chose another port");
        pth_msgport_put(answers, &answer);
    }
    pth_event_free(ring, PTH_FREE_ALL);
    return unused;
}

static void choose(long unused) {
    (void)unused;
    answers = pth_msgport_create("answers");
    for (int i = 0; i < MOST_CHANNELS; i++)
        ports[i] = pth_msgport_create("channel");
    for (int c = 0; c < CHANNEL_COUNTS; c++) {
        pth_message_t message;
        memset(&message, 0, sizeof message);
        port_count = channel_counts[c];
        pth_t task = pth_spawn(PTH_ATTR_DEFAULT, choosing_task, NULL);
        int64_t start = wall_ns();
        for (long i = 0; i < choices_among(port_count); i++) {
            pth_msgport_put(ports[port_count / 2], &message);
            take(answers);
        }
        report_choices(port_count, start);
        pth_join(task, NULL);
    }
}

int main(int argc, char **argv) {
    static const struct benchmark benchmarks[] = {{"a", spawn_and_join}, {"b", yield_among_many}, {"c", hand_over},
                                                  {"d", sleepers},       {"e", timers},           {"echo", echo},
                                                  {"w", choose},         {NULL, NULL}};
    pth_init();
    detached = pth_attr_new();
    pth_attr_set(detached, PTH_ATTR_JOINABLE, FALSE);
    return benchmark_main(argc, argv, benchmarks);
}
